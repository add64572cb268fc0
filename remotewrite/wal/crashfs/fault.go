package crashfs

import (
	"errors"
	"slices"
)

// ErrCrashed is what every operation answers from a crash on.
var ErrCrashed = errors.New("crashed")

// Op is a kind of operation; several are or-ed.
type Op uint

// The operations that can fail.
const (
	Create Op = 1 << iota
	Open      // for writing
	Write
	Truncate
	Sync
	SyncDir
	Mkdir
	Remove
	Read

	// Change is everything that changes the disk: what Ops counts.
	Change = Create | Write | Truncate | Sync | SyncDir | Mkdir | Remove
)

// Fault is a failure to come.
type Fault struct {
	Ops    Op
	After  int   // how many such operations still succeed
	Err    error // what the next one answers
	Sticky bool  // and all that follow
	Crash  bool  // this one has begun, nothing follows; Err is ErrCrashed
	// Written is how much of a failing Write is done, in percent.
	Written int
}

// Inject adds a fault.
func (f *FS) Inject(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault.Crash {
		fault.Err = ErrCrashed
	}
	f.faults = append(f.faults, &fault)
}

// Heal takes all faults back, also a full disk; a crash stays.
func (f *FS) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults, f.space = nil, -1
}

// SetSpace leaves n bytes of space; a negative n is unlimited.
func (f *FS) SetSpace(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.space = n
}

// Ops is how many operations have changed the disk, or tried to.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// outcome is what happens to an operation.
type outcome struct {
	err     error
	begun   bool // it succeeds, or the crash strikes while it is under way
	written int  // how much of a Write is done, in percent
}

func (f *FS) strike(op Op) outcome {
	if f.crashed {
		return outcome{err: ErrCrashed}
	}
	if op&Change != 0 {
		f.ops++
	}
	for i, fault := range f.faults {
		if fault.Ops&op == 0 {
			continue
		}
		if fault.After > 0 {
			fault.After--
			continue
		}
		if !fault.Sticky {
			f.faults = slices.Delete(f.faults, i, i+1)
		}
		f.crashed = fault.Crash
		return outcome{err: fault.Err, begun: fault.Crash, written: fault.Written}
	}
	return outcome{begun: true, written: 100}
}
