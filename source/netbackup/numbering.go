package netbackup

// numbering is what is known of the ids that the server gives to jobs: in ascending order, until they
// start again because the job database was reset or the counter came to its end.
type numbering struct {
	first int64 // lowest id of a job that began since the ledger did; 0 where none is known
	top   int64 // highest id; one that stands alone far above the others does not count
	since int64 // start of the first job of this numbering, ms of the server's clock; 0 for the first
	start int64 // latest start that was seen, ms of the server's clock
	alone int64 // the last id, where it is far above the top; 0 where it is not

	restarts int // that nobody was told of
}

// outOfOrder is how far ids may be from the order of the starts: jobs are queued at once and begin when
// there is room.
const (
	outOfOrder     = idsPerChunk // ids
	outOfOrderTime = 60_000      // ms
)

// see takes note of a job, open or finished; birth is when the ledger began, and both are ms of the
// server's clock. A job without a start says nothing.
func (n *numbering) see(id, start, birth int64) {
	switch {
	case start == 0 || id <= 0:
		return
	case n.top == 0:
		n.top = id
	case start <= n.start:
		if id > n.top && id-n.top <= outOfOrder {
			n.top = id
		}
	case id < n.top-outOfOrder:
		if start <= n.start+outOfOrderTime {
			return
		}
		n.restart(id, start)
	case id <= n.top+outOfOrder:
		n.top, n.alone = max(n.top, id), 0
	case n.alone == 0 || id < n.alone-outOfOrder: // the counter jumped, or the id is no id
		n.alone = id
	default:
		n.top, n.alone = max(id, n.alone), 0
	}
	n.start = max(n.start, start)
	if id <= n.top && start >= max(birth, n.since) && (n.first == 0 || id < n.first) {
		n.first = id
	}
}

// restart begins a new numbering with a job.
func (n *numbering) restart(id, start int64) {
	*n = numbering{first: id, top: id, since: start, start: max(n.start, start), restarts: n.restarts + 1}
}

// within says that an id lies between the first and the top: its job began after the ledger did, whatever
// the clock was that stamped it.
func (n *numbering) within(id int64) bool { return n.first != 0 && id >= n.first && id <= n.top }
