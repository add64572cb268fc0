package window

import (
	"math"
	"math/bits"
	"slices"

	"backwire/remotewrite/record"
)

// timeline is what happened to the series of a window, said as the log says it: for each site its batches, who was
// in them and which values changed. Most values stay, so it is far smaller than all points are.
type timeline struct {
	epoch   uint32     // another one after each begin
	before  []uint64   // by series: the value in front of all batches, as the bits of a float64
	going   record.Set // series that went on in front of all batches
	lanes   []lane
	series  []*[pieceSize]uint32 // of the changes
	values  []*[pieceSize]uint64 // the same, as bits
	changes uint32               // how many there are
	entries int                  // batches and lists of all lanes
	sets    []presence           // which series were in which batch
	words   []uint64             // of the sets
	gone    record.Set           // series whose last known event is their end
	counts  []uint32             // by series: how many points; all zero but while they are counted
}

// lane is one site's batches and changes in the order of the log. Its series' points ascend in time, the batches
// may not: a partial one may be older than the one before.
type lane struct {
	batches []batch
	lists   []list
}

type batch struct {
	t   int64  // ms since the epoch
	set uint32 // which of the sets
}

// list is changes that hold from one of the lane's batches on, in the order of their series.
type list struct{ batch, from, to uint32 }

// presence is a set of series, in words as a refSet has them; low is how many empty ones are left out in front.
type presence struct{ low, from, to uint32 }

// Changes are kept in pieces: an array that grows is copied, and leaves as much again behind.
const (
	pieceBits = 12
	pieceSize = 1 << pieceBits
)

// begin begins in front of a batch, with the values that the series have there. It keeps the memory.
func (h *timeline) begin(values []uint64) {
	h.before = append(h.before[:0], values...)
	for i := range h.lanes {
		l := &h.lanes[i]
		l.batches, l.lists = l.batches[:0], l.lists[:0]
	}
	clear(h.gone)
	h.changes, h.entries = 0, 0
	h.epoch++
	h.sets, h.words = h.sets[:0], h.words[:0]
}

// grow makes room for series and lanes.
func (h *timeline) grow(series, lanes int) {
	h.before = longer(h.before, series)
	h.counts = longer(h.counts, series)
	h.gone = h.gone.Grown(series)
	h.lanes = longer(h.lanes, lanes)
}

// longer is s with at least n elements, new ones zero.
func longer[T any](s []T, n int) []T {
	if more := n - len(s); more > 0 {
		s = append(s, make([]T, more)...)
	}
	return s
}

// size is about how many bytes of memory it takes: a change has a series and a value, all else is words, and entries of 16
// bytes at most.
func (h *timeline) size() int { return 12*int(h.changes) + 8*len(h.words) + 16*(h.entries+len(h.sets)) }

// change says a series' new value, which holds once list has said from when on.
func (h *timeline) change(series uint32, value uint64) {
	piece, at := h.changes>>pieceBits, h.changes&(pieceSize-1)
	if int(piece) == len(h.series) {
		h.series = append(h.series, new([pieceSize]uint32))
		h.values = append(h.values, new([pieceSize]uint64))
	}
	h.series[piece][at], h.values[piece][at] = series, value
	h.changes++
}

// list says that the changes from one on hold from the lane's next batch on.
func (h *timeline) list(at int, from uint32) {
	l := &h.lanes[at]
	l.lists = append(l.lists, list{uint32(len(l.batches)), from, h.changes})
	h.entries++
}

// add adds a batch: present series have a point, ended ones a stale marker.
func (h *timeline) add(at int, t int64, present, ended record.Set) {
	if ended.Len() > 0 {
		from := h.changes
		for ref := range ended.All() {
			h.change(ref, record.StaleBits)
			h.gone.Add(ref)
		}
		h.list(at, from)
	}
	l := &h.lanes[at]
	l.batches = append(l.batches, batch{t: t, set: h.set(l, present, ended)})
	h.entries++
}

// renew restores the values of series that had ended and are back.
func (h *timeline) renew(at int, set record.Set, values []uint64) {
	from := h.changes
	for i := range min(len(set), len(h.gone)) {
		for word := set[i] & h.gone[i]; word != 0; word &= word - 1 {
			ref := uint32(i<<6 + bits.TrailingZeros64(word))
			h.change(ref, values[ref])
			h.gone.Remove(ref)
		}
	}
	if from < h.changes {
		h.list(at, from)
	}
}

// set stores which series have a point in the next batch of a lane. They are nearly always those of the previous batch.
func (h *timeline) set(l *lane, present, ended record.Set) uint32 {
	from := len(h.words)
	h.words = append(h.words, present...)
	words := record.Set(h.words[from:])
	words.Unite(ended)
	low, high := 0, len(words)
	for high > 0 && words[high-1] == 0 {
		high--
	}
	for low < high && words[low] == 0 {
		low++
	}
	if n := len(l.batches); n > 0 {
		last := l.batches[n-1].set
		if p := h.sets[last]; p.low == uint32(low) && slices.Equal(h.words[p.from:p.to], words[low:high]) {
			h.words = h.words[:from]
			return last
		}
	}
	n := copy(words, words[low:high])
	h.words = h.words[:from+n]
	h.sets = append(h.sets, presence{uint32(low), uint32(from), uint32(from + n)})
	return uint32(len(h.sets) - 1)
}

// has says whether a series is in a set.
func (h *timeline) has(set, series uint32) bool {
	p := &h.sets[set]
	at := series>>6 - p.low // huge if it is before
	return at < p.to-p.from && h.words[p.from+at]>>(series&63)&1 != 0
}

// count counts the points of each series of a lane, which the caller has to make zero again. They lie between
// two series.
func (h *timeline) count(l *lane) (low, high uint32) {
	low = math.MaxUint32
	for rest := l.batches; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].set == rest[0].set {
			n++
		}
		p := h.sets[rest[0].set]
		rest = rest[n:]
		for k, word := range h.words[p.from:p.to] {
			for ; word != 0; word &= word - 1 {
				h.counts[(int(p.low)+k)<<6+bits.TrailingZeros64(word)] += uint32(n)
			}
		}
		low, high = min(low, p.low<<6), max(high, (p.low+p.to-p.from)<<6)
	}
	return low, min(high, uint32(len(h.counts)))
}

// times appends the times of a lane in their order.
func (h *timeline) times(dst []int64, l *lane) []int64 {
	for _, b := range l.batches {
		dst = append(dst, b.t)
	}
	slices.Sort(dst)
	return slices.Compact(dst)
}
