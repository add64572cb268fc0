package netbackup

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"backwire/source"
)

// recentFailures remembers when backups failed of late. Endings are not always told in their
// order: a success that is told late takes away the failures before it, and only those. Each client and policy is a
// key of the site's state, so that a failure costs what it says and not what is known of a thousand others:
//
//	failure/CLIENT\xffPOLICY = version, {time as uvarint}…
//
// each time in ms as the difference to the one before. Up to the first release all of them were the key "failures":
// {client, policy, number, times}….
type recentFailures struct {
	ends    map[clientKey][]int64 // ascending
	changed map[clientKey]bool    // since changes was last asked
	old     bool                  // the state still has the key of all
}

const (
	failuresKey    = "failures"
	failurePrefix  = "failure/"
	failureVersion = 1
	endOfName      = "\xff" // it is never in UTF-8

	failuresKept = 25 * hourMillis // ms: what is told later than that is counted as if it came last
	failuresMost = 1000            // clients and policies
)

func newRecentFailures() *recentFailures {
	return &recentFailures{ends: map[clientKey][]int64{}, changed: map[clientKey]bool{}}
}

func (f *recentFailures) add(k clientKey, end int64) {
	ends, known := f.ends[k]
	if !known && len(f.ends) >= failuresMost {
		return
	}
	ends = slices.DeleteFunc(ends, func(t int64) bool { return t < end-failuresKept })
	at, _ := slices.BinarySearch(ends, end)
	f.ends[k] = slices.Insert(ends, at, end)
	f.changed[k] = true
}

// after forgets what failed before a success and says how many failed since.
func (f *recentFailures) after(k clientKey, success int64) int {
	ends, known := f.ends[k]
	if !known {
		return 0
	}
	at, _ := slices.BinarySearch(ends, success)
	f.changed[k] = true
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
			f.changed[k] = true
		}
	}
}

// changes are the keys that changed since it was last asked.
func (f *recentFailures) changes() []source.Change {
	var out []source.Change
	if f.old {
		f.old = false
		out = append(out, source.Change{Key: failuresKey})
	}
	for _, k := range slices.SortedFunc(maps.Keys(f.changed), clientKey.compare) {
		c := source.Change{Key: failurePrefix + k.client + endOfName + k.policy}
		if ends := f.ends[k]; len(ends) > 0 {
			c.Value = []byte{failureVersion}
			before := int64(0)
			for _, t := range ends {
				c.Value = binary.AppendUvarint(c.Value, uint64(t-before))
				before = t
			}
		}
		out = append(out, c)
	}
	clear(f.changed)
	return out
}

// restore takes a key of the state back.
func (f *recentFailures) restore(key string, b []byte) error {
	client, policy, ok := strings.Cut(strings.TrimPrefix(key, failurePrefix), endOfName)
	if !ok || len(b) == 0 || b[0] != failureVersion {
		return fmt.Errorf("state key %q has an unknown version", key)
	}
	r := stateReader{b: b[1:]}
	before := int64(0)
	for len(r.b) > 0 && !r.short {
		before += int64(r.number())
		f.ends[clientKey{client, policy}] = append(f.ends[clientKey{client, policy}], before)
	}
	if r.short {
		return fmt.Errorf("state key %q is truncated", key)
	}
	return nil
}

// restoreAll takes the key of all back, which is then written as keys of their own.
func (f *recentFailures) restoreAll(b []byte) error {
	f.old = true
	r := stateReader{b: b}
	for len(r.b) > 0 && !r.short {
		k := clientKey{r.text(), r.text()}
		f.changed[k] = true
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
		return fmt.Errorf("state key %q is truncated", failuresKey)
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
