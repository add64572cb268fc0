package runs

import (
	"cmp"
	"strings"
)

// Job is one ending of a job, or a job that is open. Times are ms of the server's clock, 0 where they are not known.
type Job struct {
	ID, Parent   int64 // a root's parent is 0 or its own id
	Type         string
	Policy       string
	Client       string
	ScheduleType string // in the words of package due
	Start, End   int64
	Bytes        int64 // negative where it is not known
	Status       int32 // negative where it is not known
	Try          int32
	Children     int32 // that it has, not those of its children
	Stream       int32 // number among the streams of its parent; 0 where it has none
}

// The types of jobs of which runs are made.
const (
	backup   = "BACKUP"
	snapshot = "SNAPSHOT"
)

// Works says whether the job is part of a run, or of what a policy does before one.
func (j *Job) Works() bool { return (j.Type == backup || j.Type == snapshot) && j.Policy != "" }

// Pair is a client under a policy. A pair without a client stands for the policy itself.
type Pair struct{ Client, Policy string }

// Compare orders pairs by client.
func (p Pair) Compare(q Pair) int {
	return cmp.Or(cmp.Compare(p.Client, q.Client), cmp.Compare(p.Policy, q.Policy))
}

// mediaServer is the client of a job that a policy runs on a media server of NetBackup's choice, as the search for its clients.
const mediaServer = "MEDIA_SERVER"

func (j *Job) pair() Pair {
	if strings.EqualFold(j.Client, mediaServer) {
		return Pair{"", j.Policy}
	}
	return Pair{j.Client, j.Policy}
}

// Cancelled is the status of a job that a person ended on purpose.
const Cancelled = 150

// Status codes say by themselves what is worse only in part: a failure is worse than what was cancelled on purpose, that is worse
// than an ending of which the status is not known, and that is worse than a partial success.
func severity(status int32) int {
	switch {
	case status == 0:
		return 0
	case status == 1:
		return 1
	case status < 0:
		return 2
	case status == Cancelled:
		return 3
	}
	return 4
}

// Succeeded says that a status is that of a whole or a partial success.
func Succeeded(status int32) bool { return status == 0 || status == 1 }

// Failed says that a status is that of a failure, be it by hand.
func Failed(status int32) bool { return status > 1 }
