package netbackup

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"backwire/source"
)

// recentFailures remembers when backups failed of late. Endings are not always told in their
// order: a success that is told late takes away the failures before it, and only those. It is
// the state's key "failures": {client, policy, times}…, each time in ms as the difference to
// the one before.
type recentFailures struct {
	ends    map[clientKey][]int64 // ascending
	changed bool
}

const (
	failuresKey = "failures"

	failuresKept = 3_600_000 // ms: what is told later than that is counted as if it came last
	failuresMost = 1000      // clients and policies
)

func newRecentFailures() *recentFailures {
	return &recentFailures{ends: map[clientKey][]int64{}}
}

func (f *recentFailures) add(k clientKey, end int64) {
	ends, known := f.ends[k]
	if !known && len(f.ends) >= failuresMost {
		return
	}
	ends = slices.DeleteFunc(ends, func(t int64) bool { return t < end-failuresKept })
	at, _ := slices.BinarySearch(ends, end)
	f.ends[k] = slices.Insert(ends, at, end)
	f.changed = true
}

// after forgets what failed before a success and says how many failed since.
func (f *recentFailures) after(k clientKey, success int64) int {
	ends, known := f.ends[k]
	if !known {
		return 0
	}
	at, _ := slices.BinarySearch(ends, success)
	f.changed = true
	if at == len(ends) {
		delete(f.ends, k)
		return 0
	}
	f.ends[k] = slices.Delete(ends, 0, at)
	return len(f.ends[k])
}

// forget drops what is too old to matter.
func (f *recentFailures) forget(now int64) {
	for k, ends := range f.ends {
		if ends[len(ends)-1] < now-failuresKept {
			delete(f.ends, k)
			f.changed = true
		}
	}
}

func (f *recentFailures) changes() []source.Change {
	if !f.changed {
		return nil
	}
	f.changed = false
	if len(f.ends) == 0 {
		return []source.Change{{Key: failuresKey}}
	}
	var b []byte
	for _, k := range slices.SortedFunc(maps.Keys(f.ends), clientKey.compare) {
		for _, text := range []string{k.client, k.policy} {
			b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
		}
		b = binary.AppendUvarint(b, uint64(len(f.ends[k])))
		before := int64(0)
		for _, t := range f.ends[k] {
			b = binary.AppendUvarint(b, uint64(t-before))
			before = t
		}
	}
	return []source.Change{{Key: failuresKey, Value: b}}
}

func (f *recentFailures) restore(b []byte) error {
	r := stateReader{b: b}
	for len(r.b) > 0 && !r.short {
		k := clientKey{r.text(), r.text()}
		before := int64(0)
		for range r.number() {
			if r.short {
				break
			}
			before += int64(r.number())
			f.ends[k] = append(f.ends[k], before)
		}
	}
	if r.short {
		return fmt.Errorf("state key %q is cut short", failuresKey)
	}
	return nil
}

// stateReader reads what changes wrote.
type stateReader struct {
	b     []byte
	short bool
}

func (r *stateReader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.short = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *stateReader) text() string {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.short = true
		return ""
	}
	text := string(r.b[:n])
	r.b = r.b[n:]
	return text
}
