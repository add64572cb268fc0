package ledger

// Event is what tells one that was counted from all others: the job that it is of, and which of the job's ends it is.
// Times are ms of the server's clock, 0 where they are not known.
type Event struct {
	ID         int64
	Start      int64
	End        int64
	Try        int32 // 0 for a job that ended before it ran
	TryUnknown bool  // try is not known
}
