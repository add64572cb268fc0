package record

import (
	"slices"

	"backwire/source"
)

// follower remembers where a site's series were in its last full batch. A site hands over the
// same series in the same order every time, give or take a few: so the next one is
// nearly always known by its address, without looking at its labels.
type follower struct {
	last []placed
	next []placed // the batch being read, from where it differs from the last
	at   int      // in last, where the next series is expected
	same int      // how many of last the batch began with
}

type placed struct {
	series *source.Series
	ref    uint32
}

// lookahead is how many series may have left from one place before the others there have
// to be found by name.
const lookahead = 16

func (f *follower) rewind() { f.at, f.same, f.next = 0, 0, f.next[:0] }

func (f *follower) find(s *source.Series) (uint32, bool) {
	for i := f.at; i < min(f.at+lookahead, len(f.last)); i++ {
		if f.last[i].series == s {
			f.at = i + 1
			return f.last[i].ref, true
		}
	}
	return 0, false
}

// note takes the next series of the batch.
func (f *follower) note(p placed) {
	if len(f.next) == 0 && f.same < len(f.last) && f.last[f.same] == p {
		f.same++
		return
	}
	if len(f.next) == 0 {
		f.next = slices.Grow(f.next, len(f.last)-f.same+lookahead)
	}
	f.next = append(f.next, p)
}

// end makes the batch the last one.
func (f *follower) end() {
	f.last = append(f.last[:f.same], f.next...)
	if len(f.next) > len(f.last)/8 { // as for the first batch: not worth to be held
		f.next = nil
	}
}

// forget is needed where references no longer mean what they did.
func (f *follower) forget() { f.last, f.next, f.same = f.last[:0], f.next[:0], 0 }

// renumber follows the series to their new references, which are one too high; 0 is none.
func (f *follower) renumber(references []uint32) {
	f.last = slices.DeleteFunc(f.last, func(p placed) bool { return references[p.ref] == 0 })
	for i := range f.last {
		f.last[i].ref = references[f.last[i].ref] - 1
	}
}
