package collect

import "sync"

// Distinct bounds how many different values are remembered. It may be used by many goroutines.
type Distinct struct {
	most int

	mu   sync.Mutex
	seen map[string]struct{}
}

// NewDistinct remembers so many at most.
func NewDistinct(most int) *Distinct { return &Distinct{most: most, seen: map[string]struct{}{}} }

// Admits says whether a value is among the first ones.
func (d *Distinct) Admits(value []byte) bool {
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

// Forget makes room for others.
func (d *Distinct) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.seen)
}
