package record

import (
	"slices"
	"strings"
)

// texts are strings by number, in one piece of memory: what a garbage collector has to look at does not grow with
// their number. Strings that were given out stay what they are, whatever is added or cut.
type texts struct {
	all  strings.Builder
	ends []uint32 // in all, one a string
}

func (t *texts) len() int { return len(t.ends) }

// at is the string of a number.
func (t *texts) at(i uint32) string {
	start := uint32(0)
	if i > 0 {
		start = t.ends[i-1]
	}
	return t.all.String()[start:t.ends[i]]
}

// size is how many bytes all of them take.
func (t *texts) size() int { return t.all.Len() }

func (t *texts) add(s string) uint32 {
	t.all.WriteString(s)
	return t.ended()
}

func (t *texts) addBytes(s []byte) {
	t.all.Write(s)
	t.ended()
}

func (t *texts) ended() uint32 {
	t.ends = append(t.ends, uint32(t.all.Len()))
	return uint32(len(t.ends) - 1)
}

// grow makes room for n strings of so many bytes. Once there are some, room grows by itself as they come.
func (t *texts) grow(n, size int) {
	t.ends = slices.Grow(t.ends, n)
	if t.all.Len() == 0 {
		t.all.Grow(size)
	}
}

// cut keeps the first n.
func (t *texts) cut(n int) {
	if n == len(t.ends) {
		return
	}
	kept := t.all.String()
	t.ends = t.ends[:n]
	if n == 0 {
		kept = ""
	} else {
		kept = kept[:t.ends[n-1]]
	}
	t.all.Reset() // its bytes belong to strings that were given out
	t.all.WriteString(kept)
}
