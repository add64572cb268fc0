package page

import "time"

// Overview is what one site knows about the last night. Its producer never changes it
// afterwards. Times are the agent's clock.
type Overview struct {
	Site    string
	Hours   []Quarter
	Clients []ClientPolicy
	Storage []Storage // what is full first, first
	Jobs    []Jobs    // not done, by type; the most first
}

// Quarter is the backups that ended within a quarter of an hour, so that they can be laid into the hours of any zone.
type Quarter struct {
	Begin                     time.Time
	Success, Partial, Failure uint64
}

// ClientPolicy is one client under one policy.
type ClientPolicy struct {
	Client, Policy   string
	Success, Attempt int64         // end of the last one, ms since the epoch; 0 for never
	Status           int32         // of the last attempt
	Failures         int32         // since the last success
	Every            time.Duration // the longest that its policy leaves between two; 0 where that is not known
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
