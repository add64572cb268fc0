package remotewrite

import (
	"errors"
	"slices"
	"strconv"
	"time"
)

// huntRequests bounds what the search in one refused request may cost. One bad sample among
// n takes at most 2·log2(n) requests.
const huntRequests = 128

// hunt looks for what a receiver does not take of a request that it refused. It halves the request again and
// again: a half that is taken is done with (and if the receiver had stored it before, it gets the same
// samples once more), a half that is refused is halved further. Halves are sent in order, so that a series'
// points keep theirs.
//
// A receiver that stores the valid parts of a refused request says how many they are (Remote-Write 2.0,
// "Partial Write"). Then the search ends when so many are found; and it ends without a
// result where the receiver refuses what it has stored itself, as Prometheus does for all but a
// series' last sample.
type hunt struct {
	shard  *shard
	window *window // of the refused request alone
	left   int     // requests
	bad    int     // samples still to be found; -1 where the receiver did not say how many
	found  func(span, answer)
	doubt  bool // the receiver may have had the request before
	cut    bool // the last series goes on in the next request
}

// errRepeats says that a receiver refuses what it has stored.
var errRepeats = errors.New("the receiver refuses what it has stored already")

// isolate gives every sample of a refused request its final verdict.
func (s *shard) isolate(l life, w *window, r request, a answer) error {
	h := &hunt{
		shard: s, window: cutout(w, r.span, r.since), left: huntRequests, bad: -1,
		doubt: s.repeated(), cut: r.span.to.point > 0,
	}
	h.found = func(sp span, a answer) { h.reject(sp, sp.count(h.window), a) }
	if a.written <= 0 {
		if h.doubt {
			return h.sift(l, a)
		}
		return h.search(l, h.all(), a)
	}
	h.bad = r.samples - a.written
	s.endpoint.recorder.stored(min(a.written, r.samples))
	s.counted = true
	defer func() { s.counted = false }()
	if err := h.series(l); err != nil {
		return err
	}
	if h.bad <= 0 || h.window.samples == 0 { // where nothing was found, the exemplars were refused: they are not sent twice
		return nil
	}
	if h.doubt {
		taken, err := h.takesAgain(l)
		if err != nil {
			return err
		}
		if !taken {
			s.endpoint.recorder.dropped(h.bad, reasonRepeated)
			return nil
		}
	}
	err := h.search(l, h.all(), a)
	if errors.Is(err, errRepeats) {
		h.reject(h.all(), h.bad, a)
		return nil
	}
	return err
}

func (h *hunt) all() span { return span{to: place{column: len(h.window.columns)}} }

// series finds those that are refused whole, by sending the last sample of each once more. Every receiver that has
// it takes it again; so a last sample that is refused now was refused before.
func (h *hunt) series(l life) error {
	if h.bad <= 0 || len(h.window.columns) == h.window.samples {
		return nil
	}
	bad, err := h.deadEnds(l, h.ends())
	if err != nil {
		return err
	}
	h.drop(bad)
	return nil
}

// ends are the columns of which the last point is here. Where the receiver may have had what follows, the last one
// here of a series that was cut says nothing.
func (h *hunt) ends() []int {
	n := len(h.window.columns)
	if h.doubt && h.cut {
		n--
	}
	columns := make([]int, n)
	for i := range columns {
		columns[i] = i
	}
	return columns
}

// deadEnds sends the last points of columns once more and returns the answers to those that are refused.
func (h *hunt) deadEnds(l life, columns []int) (map[int]answer, error) {
	bad := map[int]answer{}
	lasts := &hunt{shard: h.shard, window: lasts(h.window, columns), left: h.left, bad: -1}
	lasts.found = func(sp span, a answer) {
		for i := sp.from.column; i < sp.to.column; i++ {
			bad[columns[i]] = a
		}
	}
	_, err := lasts.try(l, lasts.all())
	h.left = lasts.left
	return bad, err
}

// drop takes series out of the search whose last samples were refused: whole if that does not make more than
// are missing, and otherwise only those samples.
func (h *hunt) drop(bad map[int]answer) {
	all := 0
	for i := range bad {
		all += h.window.columns[i].len()
	}
	whole := all <= h.bad
	for i := len(h.window.columns) - 1; i >= 0; i-- {
		a, ok := bad[i]
		if !ok {
			continue
		}
		c := &h.window.columns[i]
		n := c.len()
		from := n - 1
		if whole {
			from = 0
		}
		h.found(span{place{i, from}, place{column: i + 1}}, a)
		h.window.samples -= n - from
		*c = c.cut(0, from)
		if from == 0 {
			h.window.columns = slices.Delete(h.window.columns, i, i+1)
		}
	}
}

// search halves a span that was refused with an answer.
func (h *hunt) search(l life, sp span, a answer) error {
	first, second := halve(h.window, sp)
	if second.empty() || h.left <= 0 {
		h.found(sp, a)
		return nil
	}
	taken, err := h.try(l, first)
	if err != nil || h.bad == 0 {
		return err
	}
	if taken && second.count(h.window) > 1 {
		return h.search(l, second, a) // what was wrong with both is wrong with this one
	}
	_, err = h.try(l, second)
	return err
}

// try sends a span and searches in what is refused of it.
func (h *hunt) try(l life, sp span) (taken bool, err error) {
	taken = true
	for !sp.empty() {
		h.left--
		r, a, err := h.shard.send(l, h.window, sp)
		if err != nil {
			return false, err
		}
		h.shard.endpoint.recorder.dropped(r.expired, reasonTooOld)
		if r.samples > 0 && judge(a, false) != delivered {
			taken = false
			if h.bad >= 0 && r.samples-max(a.written, 0) > h.bad {
				return false, errRepeats
			}
			if err := h.search(l, r.span, a); err != nil {
				return false, err
			}
		}
		sp.from = r.span.to
	}
	return taken, nil
}

// reject gives samples up: n of those in a span.
func (h *hunt) reject(sp span, n int, a answer) {
	if h.bad > 0 {
		h.bad -= min(n, h.bad)
	}
	e := h.shard.endpoint
	news := e.recorder.refused(n, strconv.Itoa(a.status))
	r := Rejection{
		Time: time.Now(), Endpoint: e.config.Name, Status: a.status, Words: a.words,
		Samples: n, Series: rejectedSeries(h.window, sp),
	}
	if news {
		e.log.Error("receiver refuses samples", "samples", n, "series", r.Series[0].String(), "answer", a.describe())
	}
	if e.rejected == nil {
		return
	}
	if err := e.rejected.Reject(r); err != nil {
		e.log.Error("refused samples cannot be kept", "error", err, "samples", n)
	}
}

// cutout is a window of a span's columns alone, without what had expired.
func cutout(w *window, sp span, since int64) *window {
	var columns []column
	var k walk
	for i := sp.from.column; i <= sp.to.column && i < len(w.columns); i++ {
		c := &w.columns[i]
		from, to := sp.points(i, c.len())
		from += expired(k.course(w.timeline, c).times[from:to], since)
		if from < to {
			columns = append(columns, c.cut(from, to))
		}
	}
	return w.part(columns)
}

// lasts is a window of the last point of some series.
func lasts(w *window, columns []int) *window {
	ends := make([]column, len(columns))
	for i, at := range columns {
		ends[i] = w.columns[at].cut(w.columns[at].len()-1, w.columns[at].len())
		ends[i].exemplars = 0 // they were sent
	}
	return w.part(ends)
}

// halve cuts a span between two samples, at the end of a series where there are several. The second half is
// empty where there is only one sample.
func halve(w *window, sp span) (first, second span) {
	n := sp.count(w)
	if n < 2 {
		return sp, span{sp.to, sp.to}
	}
	left := n / 2
	for i := sp.from.column; ; i++ {
		from, to := sp.points(i, w.columns[i].len())
		if left < to-from {
			at := place{i, from + left}
			return span{sp.from, at}, span{at, sp.to}
		}
		left -= to - from
	}
}
