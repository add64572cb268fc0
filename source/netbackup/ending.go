package netbackup

import (
	"math"
	"time"

	"backwire/source/ledger"
	"backwire/source/netbackup/api"
)

// ending is what a row says of a finished job that the counters need, small enough to hold many
// while they are put in order. Times are ms of the server's clock, 0 where absent.
type ending struct {
	ledger.Event
	labels   kindKey
	kind     *jobKind // of these labels, once it is counted
	client   string
	active   int64 // start of the last try
	bytes    int64 // absent where negative, as are the next two
	moved    int64
	files    int64
	dedup    api.Optional[float64]
	status   int32 // absent where negative
	parent   bool
	root     bool
	children int32
	stream   int32 // number among the streams of its parent; 0 where it is none
	under    int64 // id of its parent; 0 for a root
}

const (
	bytesPerKilobyte = 1024 // the documents' kilobyte is a KiB
	absent           = -1
)

// newEnding reads a row.
func newEnding(j *api.Job) *ending {
	e := &ending{
		Event: ledger.Event{
			ID: j.ID, Start: milliseconds(j.Start), End: milliseconds(j.End), Updated: milliseconds(j.LastUpdate),
			Try: bounded(j.Try), TryUnknown: j.OddTry, Open: j.Given&api.FieldState != 0 && j.State != api.StateDone,
			Given: ledger.Fields(j.Given), Named: ledger.Fields(j.Named),
		},
		labels: kindKey{j.Type, j.PolicyType, j.Policy, j.ScheduleType}, client: j.Client, active: milliseconds(j.ActiveTryStart),
		bytes: kilobytes(j.KilobytesTransferred), moved: kilobytes(j.KilobytesDataTransferred),
		files: absent, status: absent, dedup: j.DedupRatio, children: bounded(j.ChildCount), stream: bounded(j.Stream),
		parent: isParent(j), root: j.ParentID == 0 || j.ParentID == j.ID,
	}
	if !e.root {
		e.under = j.ParentID
	}
	if j.NumberOfFiles.Given && j.NumberOfFiles.Value >= 0 {
		e.files = j.NumberOfFiles.Value
	}
	if j.Type == backup && j.Copy > 1 { // two copies are one backup: the first one's data are the same
		e.bytes, e.files = 0, 0
	}
	if s := j.Status; s.Given && s.Value >= 0 && s.Value <= math.MaxInt32 {
		e.status = int32(s.Value)
	}
	return e
}

// Kind is the type of the job.
func (e *ending) Kind() string { return e.labels.jobType }

// Fill takes what another row of the job says.
func (e *ending) Fill(row ledger.Row, lacking ledger.Fields) {
	from, take := row.(*ending), api.JobFields(lacking)
	fill(take&api.FieldParent, &e.root, from.root)
	fill(take&api.FieldParent, &e.under, from.under)
	fill(take&api.FieldType, &e.labels.jobType, from.labels.jobType)
	fill(take&api.FieldPolicyType, &e.labels.policyType, from.labels.policyType)
	fill(take&api.FieldPolicy, &e.labels.policy, from.labels.policy)
	fill(take&api.FieldScheduleType, &e.labels.scheduleType, from.labels.scheduleType)
	fill(take&api.FieldClient, &e.client, from.client)
	fill(take&api.FieldStatus, &e.status, from.status)
	fill(take&api.FieldChildren, &e.parent, from.parent)
	fill(take&api.FieldChildren, &e.children, from.children)
	fill(take&api.FieldActive, &e.active, from.active)
	fill(take&api.FieldKilobytes, &e.bytes, from.bytes)
	fill(take&api.FieldMoved, &e.moved, from.moved)
	fill(take&api.FieldFiles, &e.files, from.files)
	if e.stream == 0 { // no row says of it that it is left out
		e.stream = from.stream
	}
}

func fill[T any](wanted api.JobFields, into *T, v T) {
	if wanted != 0 {
		*into = v
	}
}

func bounded(n int64) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

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
	if e.Endless {
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
