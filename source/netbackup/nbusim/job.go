package nbusim

import (
	"strconv"
	"time"
)

// State is where a job is in its life.
type State string

// The states of the documents.
const (
	Queued     State = "QUEUED"
	Active     State = "ACTIVE"
	Requeued   State = "REQUEUED"
	Done       State = "DONE"
	Suspended  State = "SUSPENDED"
	Incomplete State = "INCOMPLETE"
)

// Work is what a job has read and moved.
type Work struct {
	Kilobytes int64 // kilobytesTransferred, KiB
	Moved     int64 // kilobytesDataTransferred, KiB: after deduplication
	Files     int64
}

// JobSpec describes a job and the life that it is going to have. Only what a test cares
// about needs to be given: the rest is a backup of a standard policy.
type JobSpec struct {
	ID           int64 // the next one where it is 0
	Parent       int64 // 0 is none
	Type         string
	SubType      string
	PolicyType   string
	Policy       string
	Schedule     string
	ScheduleType string
	Client       string
	MediaServer  string
	StorageUnit  string
	Owner        string
	Stream       int    // streamNumber; 0 is none
	Copy         int    // copyNumber; 0 where it is not said
	Work         Work   // at the end of a try; grows evenly while the job is active
	Own          bool   // it is work of the policy itself, as a search for clients: the truth knows, the API does not say it
	Life         []Step // after it was queued; nothing more happens after the last step

	// Hidden is how long after it was queued the API begins to show the job at all. House belief: a
	// primary under load was seen to list jobs long after they began.
	Hidden time.Duration
}

// Step is one change in a job's life.
type Step struct {
	After   time.Duration // since the step before, or since the job was queued
	State   State         // empty: only the time of the last update changes
	Status  int           // the try's exit status, for Done, Incomplete and Requeued
	Reason  int           // jobQueueReason, while it waits
	Stalled bool          // moves nothing in the try that begins
	Work    *Work         // what the try has moved; nil is the job's
	Late    time.Duration // for Done: endTime is so much older than the change; an assumption, as the next
	Lag     time.Duration // lastUpdateTime is so much older than the change: up to a day on servers under load
}

// Run is the life of a job that waits, runs and ends.
func Run(wait, run time.Duration, status int) []Step {
	return []Step{{After: wait, State: Active}, {After: run, State: Done, Status: status}}
}

// Job is a job as it is at one moment.
type Job struct {
	JobSpec
	State      State
	Status     int
	Try        int // 0 before the first
	Children   int
	Start      time.Time
	End        time.Time // the zero time of Unix while it is not done
	TryStart   time.Time
	LastUpdate time.Time
}

// job is the record in the job database. Times are milliseconds since the epoch; those of
// the start and the end are whole seconds, as in the product, the last update is not.
type job struct {
	JobSpec
	idText   string
	state    State
	status   int
	reason   int
	try      int
	children int
	lives    int // how often Continue gave it another life

	generation int   // of the ids: in it an id means one job
	shownAt    int64 // from when on the API shows it, ms

	start, end, tryStart, lastUpdate int64

	work    Work  // moved by the last try, once it is over
	planned int64 // when the current try is going to end; 0 is unknown
	stalled bool
}

func newJob(spec JobSpec, at int64) *job {
	defaultTo(&spec.Type, "BACKUP")
	defaultTo(&spec.SubType, "SCHEDULED")
	defaultTo(&spec.PolicyType, "STANDARD")
	defaultTo(&spec.ScheduleType, "FULL_BACKUP")
	defaultTo(&spec.Owner, "root")
	return &job{
		JobSpec: spec, idText: strconv.FormatInt(spec.ID, 10), state: Queued, reason: defaultReason,
		start: wholeSecond(at), lastUpdate: at, shownAt: at + spec.Hidden.Milliseconds(),
	}
}

// defaultReason is MAX_STORAGE_UNIT_JOBS.
const defaultReason = 5

func defaultTo(s *string, d string) {
	if *s == "" {
		*s = d
	}
}

func wholeSecond(ms int64) int64 { return ms - ms%1000 }

// change applies a step at its time and says whether it finished the job.
// planned is when the try that begins is going to end, 0 if nobody knows.
func (j *job) change(st Step, at, planned int64) (finished bool) {
	j.lastUpdate = max(j.lastUpdate, at-st.Lag.Milliseconds())
	if st.State == "" || st.State == j.state {
		return false
	}
	if j.state == Active {
		j.leave(st)
	}
	j.state, j.reason, j.end, j.status = st.State, st.Reason, 0, st.Status
	switch j.state {
	case Active:
		j.try++
		j.tryStart, j.planned, j.stalled, j.work = wholeSecond(at), planned, st.Stalled, Work{}
	case Queued, Requeued:
		if j.reason == 0 {
			j.reason = defaultReason
		}
	case Done:
		j.end = wholeSecond(at - st.Late.Milliseconds())
	}
	return j.state == Done
}

// leave ends a try: what it has moved stays with the job.
func (j *job) leave(st Step) {
	switch {
	case st.Work != nil:
		j.work = *st.Work
	case !j.stalled:
		j.work = j.Work
	}
}

// moved is what the job shows at a time.
func (j *job) moved(at int64) Work {
	if j.state != Active || j.planned == 0 || j.stalled {
		return j.work
	}
	span := j.planned - j.tryStart
	if at >= j.planned || span <= 0 {
		return j.Work
	}
	share := float64(at-j.tryStart) / float64(span)
	part := func(n int64) int64 { return int64(share * float64(n)) }
	return Work{part(j.Work.Kilobytes), part(j.Work.Moved), part(j.Work.Files)}
}

func (j *job) snapshot() Job {
	return Job{
		JobSpec: j.JobSpec, State: j.state, Status: j.status, Try: j.try, Children: j.children,
		Start: time.UnixMilli(j.start), End: time.UnixMilli(j.end),
		TryStart: time.UnixMilli(j.tryStart), LastUpdate: time.UnixMilli(j.lastUpdate),
	}
}
