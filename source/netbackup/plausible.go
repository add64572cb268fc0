package netbackup

import (
	"time"

	"backwire/source/netbackup/api"
)

// What the times of a job can be.
const (
	// aheadMost is how far a time may lie ahead of both clocks, the server's and the agent's, in ms: what works for a job
	// may be in another zone, or a little off, but not a day.
	aheadMost = 86_400_000

	// longestJob is how long a job may have run, in ms: the longest replications and archives take weeks.
	longestJob = 366 * 86_400_000
)

// latestTime is what no time that a server stamps may lie behind, in ms of its clock. Where one of the clocks is wrong the
// other one's word is enough.
func latestTime(now, skew int64) int64 { return max(now, now-skew) + aheadMost }

// leaveOutImpossible makes the times of a job that cannot be unknown: those of the future, an end before its start, a start
// before which no job began, a try outside of its job. What lies before 1990 has not been read.
func (p *jobProblems) leaveOutImpossible(j *api.Job, latest int64) {
	for _, stamp := range [...]struct {
		field string
		at    *time.Time
	}{{"startTime", &j.Start}, {"endTime", &j.End}, {"activeTryStartTime", &j.ActiveTryStart}, {"lastUpdateTime", &j.LastUpdate}} {
		if milliseconds(*stamp.at) > latest {
			p.leaveOut(stamp.field, stamp.at)
		}
	}
	if j.End.IsZero() || j.Start.IsZero() {
		return
	}
	switch took := j.End.UnixMilli() - j.Start.UnixMilli(); {
	case took < 0:
		p.leaveOut("endTime", &j.End)
	case took > longestJob:
		p.leaveOut("startTime", &j.Start)
	case !j.ActiveTryStart.IsZero() && (j.ActiveTryStart.Before(j.Start) || j.ActiveTryStart.After(j.End)):
		p.leaveOut("activeTryStartTime", &j.ActiveTryStart)
	}
}

func (p *jobProblems) leaveOut(field string, at *time.Time) {
	p.impossible(field, at.Format(time.RFC3339))
	*at = time.Time{}
}
