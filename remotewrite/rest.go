package remotewrite

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// rest is what of a window has no verdict yet: a span for each request at a time. It is noted after
// every request, so that a run that ends in between does not send all of the window again.
type rest struct {
	feed   feed
	window *window
	spans  []span        // as it was dealt
	turn   chan struct{} // whoever has put into it may change and note what is left
	left   []span
	note   []byte // begins with the window's identity once something was noted
}

func newRest(f feed, w *window, spans []span) *rest {
	return &rest{feed: f, window: w, spans: spans, turn: make(chan struct{}, 1), left: append([]span(nil), spans...)}
}

func (r *rest) samples() (n int) {
	for _, sp := range r.left {
		n += sp.count(r.window)
	}
	return n
}

// settle says up to where a span has its verdict. A note that fails costs nothing but what is then
// sent twice. When nothing is left the endpoint moves the cursor.
func (r *rest) settle(i int, at place) {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	r.left[i].from = at
	if !slices.ContainsFunc(r.left, func(sp span) bool { return !sp.empty() }) {
		return
	}
	if len(r.note) == 0 {
		r.note = r.window.appendIdentity(r.note)
	}
	_ = r.feed.advance(r.window, appendSpans(r.note, r.left))
}

// appendIdentity tells a window from others: what is left is counted in places, which in another one mean others.
func (w *window) appendIdentity(dst []byte) []byte {
	sum := uint32(0)
	var b [8]byte
	for _, c := range w.columns {
		binary.LittleEndian.PutUint32(b[:], c.series)
		binary.LittleEndian.PutUint32(b[4:], uint32(c.len()))
		sum = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), b[:])
	}
	for _, n := range [...]uint64{uint64(len(w.columns)), uint64(w.samples), uint64(w.oldest), uint64(w.newest), uint64(sum)} {
		dst = binary.LittleEndian.AppendUint64(dst, n)
	}
	return dst
}

// appendSpans writes those that are not empty.
func appendSpans(dst []byte, left []span) []byte {
	for _, sp := range left {
		if sp.empty() {
			continue
		}
		for _, n := range [...]int{sp.from.column, sp.from.point, sp.to.column, sp.to.point} {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	return dst
}

// parseRest returns what is left of a window; nil where that is not known, because the note is of another one.
func parseRest(w *window, note []byte) []span {
	if note == nil {
		return nil
	}
	spans, known := bytes.CutPrefix(note, w.appendIdentity(nil))
	if !known {
		return nil
	}
	var left []span
	for s := (scanner{block: spans}); s.left() > 0; {
		var n [4]int
		for i := range n {
			n[i] = int(s.uvarint())
		}
		sp := span{place{n[0], n[1]}, place{n[2], n[3]}}
		if s.err != nil || sp.empty() || !w.has(sp.from) || !w.has(sp.to) {
			return nil
		}
		left = append(left, sp)
	}
	return left
}

// has says whether a place is one of the window's.
func (w *window) has(p place) bool {
	if p.column < 0 || p.column >= len(w.columns) {
		return p == place{column: len(w.columns)}
	}
	return p.point >= 0 && p.point < w.columns[p.column].len()
}
