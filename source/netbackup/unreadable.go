package netbackup

import (
	"maps"
	"slices"
)

// unreadableRows count the rows of a collector that could not be read.
type unreadableRows struct {
	cell    *cell   // nil until there was one
	pending float64 // found by the readings of this cycle, and not in the cell yet
}

func (t *counters) unreadableOf(collector string) *unreadableRows {
	u := t.unreadable[collector]
	if u == nil {
		u = &unreadableRows{}
		t.unreadable[collector] = u
	}
	return u
}

// enterUnreadable takes what is pending into the counters, which begin at 0 an aligned time earlier.
func (t *counters) enterUnreadable() {
	for _, name := range slices.Sorted(maps.Keys(t.unreadable)) {
		u := t.unreadable[name]
		if u.pending == 0 {
			continue
		}
		if u.cell == nil {
			u.cell = t.suffixed(t.c.rowsUnreadable, "", name)
		}
		u.cell.value, u.pending = u.cell.value+u.pending, 0
	}
}

// rowsUnreadable is the count of a collector, in the life of the installation.
func (t *counters) rowsUnreadable(collector string) uint64 {
	u := t.unreadable[collector]
	if u == nil {
		return 0
	}
	n := u.pending
	if u.cell != nil {
		n += u.cell.value
	}
	return uint64(n)
}
