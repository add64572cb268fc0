package remotewrite

import (
	"maps"
	"slices"
)

// A receiver may have stored a request before without our knowing: an attempt was not answered, a run ended before
// it could note the answer, or what is sent is a bundle. A database without an out-of-order window then takes the last
// sample of each series again and refuses the others, all of which it has. These are repeated and not lost; a
// sample that is refused for another reason is told from them where the answers allow it.

// repeated reports whether the receiver may have had the request at hand.
func (s *shard) repeated() bool {
	return s.attempt > 0 || s.endpoint.window.repeated || s.endpoint.config.Repeats
}

// takesAgain reports whether a receiver that counts takes what it has stored already, by sending the first point of
// each series once more: either it had them, or it has just stored them. If it does, what it refuses is
// refused for another reason.
func (h *hunt) takesAgain(l life) (bool, error) {
	w := firsts(h.window)
	if len(w.columns) == 0 { // every point is its series' last
		return true, nil
	}
	h.left--
	r, a, err := h.shard.send(l, w, span{to: place{column: len(w.columns)}})
	return err == nil && (r.samples == 0 || judge(a, false) == delivered || a.written > 0), err
}

// firsts is a window of the first point of each series that has others.
func firsts(w *window) *window {
	var columns []column
	for _, c := range w.columns {
		if c.len() > 1 {
			columns = append(columns, c.cut(0, 1))
		}
	}
	return w.part(columns)
}

// refusal is a stretch that a receiver refused, and its answer.
type refusal struct {
	span   span
	answer answer
}

// sift searches a request that was refused by a receiver that does not count, and which it may have had. Its last
// sample would then be taken again; so a series is lost whose last sample is refused, and so is a sample that is refused after
// an earlier one of its series was taken. Other refused samples are repeated. Of a series that goes on in
// the next request, the last one is not known.
func (h *hunt) sift(l life, a answer) error {
	var refused []refusal
	reject := h.found
	h.found = func(sp span, a answer) { refused = append(refused, refusal{sp, a}) }
	if err := h.search(l, h.all(), a); err != nil {
		return err
	}
	h.found, h.left = reject, huntRequests
	ends := h.refusedEnds(refused)
	bad, err := h.deadEnds(l, ends)
	if err != nil {
		return err
	}
	had := make([]int, len(h.window.columns)) // points at the front of each column that the receiver had
	for _, r := range refused {
		h.settle(r, bad, had)
	}
	for _, i := range ends {
		if _, dead := bad[i]; !dead && had[i] == h.window.columns[i].len() {
			had[i]-- // it was taken just now and counted
		}
	}
	repeated := 0
	for _, n := range had {
		repeated += n
	}
	h.shard.endpoint.recorder.dropped(repeated, reasonRepeated)
	return nil
}

// refusedEnds are the columns whose last point was refused.
func (h *hunt) refusedEnds(refused []refusal) []int {
	ends := map[int]bool{}
	for _, r := range refused {
		for i := range r.span.columns(h.window) {
			if _, to := r.span.points(i, h.window.columns[i].len()); to == h.window.columns[i].len() {
				ends[i] = true
			}
		}
	}
	if h.cut {
		delete(ends, len(h.window.columns)-1)
	}
	return slices.Sorted(maps.Keys(ends))
}

// settle gives what was refused of each series its verdict: rejected, or had before.
func (h *hunt) settle(r refusal, bad map[int]answer, had []int) {
	for i := range r.span.columns(h.window) {
		from, to := r.span.points(i, h.window.columns[i].len())
		_, dead := bad[i]
		if dead || from > had[i] {
			h.found(span{place{i, from}, place{i, to}}, r.answer)
			continue
		}
		had[i] = to
	}
}
