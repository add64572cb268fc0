package netbackup

import (
	"strings"

	"backwire/source/netbackup/api"
)

// jobProblems makes a counter of the values in rows of jobs that were unreadable or impossible.
// What is missing is none of them: it is unknown, and asked for again.
type jobProblems struct {
	found   *api.Problems     // of the site's client; nil where nothing is read
	counted map[string]uint64 // by field, what the counter has of them
}

const (
	jobNoun = "job" // in the counts of what could not be read
	jobRows = "row" // the field where all of a row was of no use
)

// impossible counts a value of a job that was read but cannot be.
func (p *jobProblems) impossible(field, value string) {
	if p.found != nil {
		p.found.Add(jobNoun, field, []byte(value))
	}
}

// countTo brings the counter up to what was found.
func (p *jobProblems) countTo(t *counters) {
	if p.found == nil {
		return
	}
	for key, n := range p.found.Snapshot() {
		field, ok := strings.CutPrefix(key, jobNoun+".")
		if key == jobNoun {
			field, ok = jobRows, true
		}
		if !ok || n == p.counted[field] {
			continue
		}
		c := t.problemOf(field)
		if *c == nil {
			*c = t.counter(t.c.jobProblems, field)
		}
		(*c).value += float64(n - p.counted[field])
		p.counted[field] = n
	}
}

func (t *counters) problemOf(field string) **cell {
	if t.problems[field] == nil {
		t.problems[field] = new(*cell)
	}
	return t.problems[field]
}
