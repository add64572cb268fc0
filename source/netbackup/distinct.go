package netbackup

import "sync"

// distinct bounds how many different values are remembered. It may be used by many goroutines.
type distinct struct {
	most int

	mu   sync.Mutex
	seen map[string]struct{}
}

func newDistinct(most int) *distinct { return &distinct{most: most, seen: map[string]struct{}{}} }

// admits says whether a value is among the first ones.
func (d *distinct) admits(value []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.seen[string(value)]; known {
		return true
	}
	if len(d.seen) == d.most {
		return false
	}
	d.seen[string(value)] = struct{}{}
	return true
}

func (d *distinct) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.seen)
}
