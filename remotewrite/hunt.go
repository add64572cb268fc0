package remotewrite

import (
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
type hunt struct {
	shard  *shard
	window *window
	left   int // requests
}

// isolate gives every sample of a refused request its final verdict.
func (s *shard) isolate(l life, w *window, r request, a answer) error {
	h := &hunt{shard: s, window: w, left: huntRequests}
	return h.search(l, r.span, a)
}

// search halves a span that was refused with an answer.
func (h *hunt) search(l life, sp span, a answer) error {
	first, second := halve(h.window, sp)
	if second.empty() || h.left <= 0 {
		h.reject(sp, a)
		return nil
	}
	taken, err := h.try(l, first)
	if err != nil {
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
		if r.samples > 0 && judge(a, false) != delivered {
			taken = false
			if err := h.search(l, r.span, a); err != nil {
				return false, err
			}
		}
		sp.from = r.span.to
	}
	return taken, nil
}

// reject gives a span up.
func (h *hunt) reject(sp span, a answer) {
	e := h.shard.endpoint
	n := sp.count(h.window)
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

// halve cuts a span between two samples, at the end of a series where there are several. The second half is
// empty where there is only one sample.
func halve(w *window, sp span) (first, second span) {
	n := sp.count(w)
	if n < 2 {
		return sp, span{sp.to, sp.to}
	}
	left := n / 2
	for i := sp.from.column; ; i++ {
		from, to := sp.points(i, len(w.columns[i].points))
		if left < to-from {
			at := place{i, from + left}
			return span{sp.from, at}, span{at, sp.to}
		}
		left -= to - from
	}
}
