package ledger

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
