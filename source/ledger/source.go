package ledger

import (
	"context"
	"iter"
	"math/bits"
)

// Source is who has the events: one server, asked in its own words.
type Source interface {
	// Events lists what the server says of the ended events that a query selects, in the query's order. After an error nothing
	// more comes; the rows before it are good. It is called by several goroutines at a time.
	Events(ctx context.Context, q Query) iter.Seq2[Row, error]
	// Refuses says that an error is the server's own refusal to select by an attribute: a limit of the server, and no failure.
	Refuses(err error, by Order) bool
	// Fits is how many of these one request can name, from the first on; at least one.
	Fits(ids []IDs) int
}

// Query selects events that have ended.
type Query struct {
	By       Order // in ascending order of it
	From, To int64 // with By in [From, To), in ms of the server's clock; From is 0 for all, To is Open where nothing ends it
	IDs      []IDs // in any of these alone; nil for all
	Limit    int   // rows; 0 for all
}

// Order is the attribute by which events are selected and sorted.
type Order int

// Events are read by their last change; by their end where the server refuses that; and what is missing among the ids by those.
const (
	ByUpdate Order = iota
	ByEnd
	ByID
)

// overlap is how far before what was read the next reading begins again: a server may
// show a change later than it stamps it. It is in ms. What it shows later still the audit finds.
func (o Order) overlap() int64 {
	if o == ByEnd {
		return 600_000 // an ending may be written down long after its time
	}
	return 30_000
}

// of is the time of an event by which it is sorted, 0 where it is not known.
func (o Order) of(e *Event) int64 {
	if o == ByEnd {
		return e.End
	}
	return e.Updated
}

// PageRows is for how many rows a source is asked at a time: what is read is measured by it.
const PageRows = 100

// IDs is a range of ids of which only a part is asked for.
type IDs struct {
	IDRange
	StartedSince int64 // what started at or after it, ms of the server's clock; 0 for all
	EndedSince   int64 // what ended at or after it; 0 for all
}

// Row is what one answer says of an event. It may leave anything out. Who gets a row may keep and change it.
type Row interface {
	// Core is what the ledger goes by. Row types embed an Event, which gives itself.
	Core() *Event
	// Kind is what sort of event it is: a server leaves the same attributes out of those of a kind.
	Kind() string
	// Fill takes attributes from another row of the same source. Those of the Event are filled already.
	Fill(from Row, lacking Fields)
}

// Event is what tells one that is counted from all others: its id, and which of its ends it is. Times are ms of the server's
// clock, 0 where they are not known.
type Event struct {
	ID         int64
	Start      int64
	End        int64
	Updated    int64  // last change
	Given      Fields // have a value in the answers so far
	Named      Fields // stood in an answer, be it without a value
	Try        int32  // 0 for an event that ended before it ran
	TryUnknown bool   // try is not known
	Open       bool   // the answer says that it has not ended
	Endless    bool   // the end is not known: the last change stands for it
}

// Core gives the event itself to who has a row that embeds it.
func (e *Event) Core() *Event { return e }

// Fields is a set of the attributes that a source gives. What a bit means is the source's matter, but for those in Attributes.
type Fields uint32

// Attributes says which fields are which.
type Attributes struct {
	Kind            Fields
	Try, Start, End Fields // tell the endings of an event apart
	Update          Fields
	Names           Fields // go on to be true of an event that runs again
	Needed          Fields // for counting: where one is left out, the event is asked for again
	Newer           Fields // of the needed ones that which older servers never name
}

// each calls f with the number of each field of the set.
func (s Fields) each(f func(i int)) {
	for ; s != 0; s &= s - 1 {
		f(bits.TrailingZeros32(uint32(s)))
	}
}

// fill takes what a row lacks from another view of the same event.
func (a *Attributes) fill(r, from Row) {
	e, f := r.Core(), from.Core()
	lacking := f.Given &^ e.Given
	if lacking&a.Try != 0 {
		e.Try, e.TryUnknown = f.Try, f.TryUnknown
	}
	if lacking&a.Start != 0 {
		e.Start = f.Start
	}
	if lacking&a.End != 0 {
		e.End = f.End
	}
	if lacking&a.Update != 0 {
		e.Updated = f.Updated
	}
	r.Fill(from, lacking)
	e.Given |= f.Given
	e.Named |= f.Named
}

// agree says that two rows may be of the same ending: whatever both give of what tells endings of an event apart is equal.
func (a *Attributes) agree(e, f *Event) bool {
	both := e.Given & f.Given
	return (both&a.Try == 0 || e.Try == f.Try) && (both&a.Start == 0 || e.Start == f.Start) && (both&a.End == 0 || e.End == f.End)
}

// ended is the ending that a row tells of as far as it is known. It is false without any time to go by.
func (a *Attributes) ended(e Event) (Event, bool) {
	e.TryUnknown = e.TryUnknown || e.Given&a.Try == 0
	if e.End == 0 {
		e.End, e.Endless = e.Updated, true
	}
	if e.Updated == 0 {
		e.Updated = e.End
	}
	return e, e.End != 0
}
