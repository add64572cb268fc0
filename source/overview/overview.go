// Package overview holds what a person is shown of one site: backups by time, clients, storage and jobs that are not done. A
// source makes it after each cycle and the page lays it out, so neither knows the other. It holds facts and no judgement:
// what is late or full is the page's to say. Nobody changes an overview after it was given out, so any goroutine may read it.
package overview

import (
	"math"
	"time"
)

// Site is what is known of one site. Times are the agent's clock.
type Site struct {
	Name      string
	JobsRead  time.Time // when all jobs that had ended were last read; zero before the first time
	Schedules string    // why it is not known, or not of each policy, when backups are due; empty where it is known
	Unwatched int       // clients and policies that found no room in the last day
	Hours     []Quarter // ascending; a quarter of an hour without a backup is left out
	Clients   []ClientPolicy
	Paused    []Paused  // clients whose backups are held back, by name
	Storage   []Storage // what is full first, first

	WithoutPolicy []string // clients that the server knows and that no active policy names; nil where that is not known
	Jobs          []Jobs   // not done, by type; the most first
}

// Quarter is the backups that ended within a quarter of an hour, so that they can be laid into the hours of any zone.
type Quarter struct {
	Begin                     time.Time
	Success, Partial, Failure uint64
}

// ClientPolicy is one client under one policy.
type ClientPolicy struct {
	Client, Policy   string
	Success, Attempt int64  // end of the last one, ms since the epoch; 0 for never
	Status           int32  // of the last attempt
	Meaning          string // of that status, in words; empty where it is not known
	Failures         int32  // since the last success
	Paused           bool   // its backups are held back: nothing is due
	Failed           *Failed
	Due              int64 // by when the next one has to have started, ms since the epoch; 0 where that is not known
}

// Failed is the last failed run that no success has made good; nil where there is none, or none is known.
type Failed struct {
	ScheduleType string // empty where it is not known
	Status       int32  // negative where it is not known
	Meaning      string // of that status, in words; empty where it is not known
	Start, End   int64  // ms since the epoch; the start is 0 where it is not known
	Tries        int32  // the most that one of its jobs had; 0 where it is not known
}

// NothingDue is the due date where no backup is promised.
const NothingDue = math.MaxInt64

// Paused is a client whose backups are held back, as the server says.
type Paused struct {
	Client      string
	From, Until int64  // ms since the epoch; 0 where it is not known, or has no end
	Automatic   bool   // by the server itself, as after it found malware
	By, Reason  string // in the words of who asked for it
}

// Storage is a disk pool, or a storage unit that stands on none.
type Storage struct {
	Name, Category string
	Used, Capacity float64       // bytes
	HighWater      float64       // share of use at which it counts as full; 1 where it has no mark
	Down           bool          // as the server says
	Growth         float64       // bytes a day; 0 where it is not known yet
	FullIn         time.Duration // at that growth, until the high-water mark
	Fills          bool          // FullIn says something
	Known          bool          // Growth says something
}

// Jobs are the jobs of one type that are not done.
type Jobs struct {
	Type                   string
	Active, Queued, Others int
	Stalled                int
	OldestActive           time.Time // start of the one that has been running longest
	OldestQueued           time.Time // since when the one waits that has been waiting longest
	Reasons                []Reason  // why they wait; the most first
}

// Reason is how many jobs wait for one reason.
type Reason struct {
	Words string
	Jobs  int
}
