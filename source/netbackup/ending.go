package netbackup

import (
	"math"
	"time"

	"backwire/source/ledger"
	"backwire/source/netbackup/api"
)

// ending is what the counters need of a finished job, small enough to hold a whole job
// database in memory while it is put in order. Times are ms of the server's clock, 0 where
// absent.
type ending struct {
	ledger.Event
	kind    *jobKind
	client  string
	active  int64 // start of the last try
	updated int64
	bytes   int64 // absent where negative, as are the next two
	moved   int64
	files   int64
	status  int32 // absent where negative
	parent  bool
	root    bool
	endless bool // the end is not known: the last update stands for it
}

const (
	bytesPerKilobyte = 1024 // the documents' kilobyte is a KiB
	absent           = -1
)

// newEnding reads a job that is done. It is false for one without any time to go by.
func newEnding(j *api.Job, kind *jobKind) (ending, bool) {
	e := ending{
		Event: ledger.Event{ID: j.ID, Start: milliseconds(j.Start), End: milliseconds(j.End), Try: int32(min(max(j.Try, 0), math.MaxInt32))},
		kind:  kind, client: j.Client, active: milliseconds(j.ActiveTryStart), updated: milliseconds(j.LastUpdate),
		bytes: kilobytes(j.KilobytesTransferred), moved: kilobytes(j.KilobytesDataTransferred),
		files: absent, status: absent,
		parent: isParent(j), root: j.ParentID == 0 || j.ParentID == j.ID,
	}
	if j.NumberOfFiles.Given && j.NumberOfFiles.Value >= 0 {
		e.files = j.NumberOfFiles.Value
	}
	if s := j.Status; s.Given && s.Value >= 0 && s.Value <= math.MaxInt32 {
		e.status = int32(s.Value)
	}
	e.TryUnknown = j.Given&api.FieldTry == 0 || j.OddTry
	if e.End == 0 {
		e.End, e.endless = e.updated, true
	}
	if e.updated == 0 {
		e.updated = e.End
	}
	return e, e.End != 0
}

// isParent says whether the job's work is done by jobs of its own: a parent reports the
// same policy as its children and no bytes, so it is no work to be counted. The documents'
// childCount decides. PARENT_JOB among the current operations does not: it is what a job
// does that is going to have children, and a job that failed before it had any is the only
// trace of the backup.
func isParent(j *api.Job) bool { return j.ChildCount > 0 }

// result is in words what the status says.
func result(status int32) string {
	switch {
	case status < 0:
		return "unknown"
	case status == 0:
		return "success"
	case status == 1:
		return "partial"
	}
	return "failure"
}

// succeeded says that an image came of it: NetBackup itself takes a partially successful
// backup for one that ran.
func (e *ending) succeeded() bool { return e.status == 0 || e.status == 1 }

// seconds it took, false where a time is missing.
func (e *ending) seconds() (float64, bool) {
	if e.endless {
		return 0, false
	}
	return between(e.Start, e.End)
}

func (e *ending) waited() (float64, bool) { return between(e.Start, e.active) }

func between(from, to int64) (float64, bool) {
	if from == 0 || to < from {
		return 0, false
	}
	return float64(to-from) / 1000, true
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func kilobytes(v api.Optional[int64]) int64 {
	if !v.Given || v.Value < 0 || v.Value > math.MaxInt64/bytesPerKilobyte {
		return absent
	}
	return v.Value * bytesPerKilobyte
}
