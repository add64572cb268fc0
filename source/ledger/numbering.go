package ledger

// Numbering is what is known of the ids that the server gives to events: in ascending order, until they
// start again because its database was reset or the counter came to its end.
type Numbering struct {
	First int64 // lowest id of an event that began since the ledger did; 0 where none is known
	Top   int64 // highest id; one that stands alone far above the others does not count
	Since int64 // start of the first event of this numbering, ms of the server's clock; 0 for the first
	start int64 // latest start that was seen, ms of the server's clock
	alone int64 // the last id, where it is far above the top; 0 where it is not

	restarts int // that nobody was told of
}

// outOfOrder is how far ids may be from the order of the starts: events are queued at once and begin when
// there is room.
const (
	outOfOrder     = idsPerChunk // ids
	outOfOrderTime = 60_000      // ms
)

// see takes note of an event, open or ended; birth is when the ledger began, and both are ms of the
// server's clock. An event without a start says nothing.
func (n *Numbering) see(id, start, birth int64) {
	switch {
	case start == 0 || id <= 0:
		return
	case n.Top == 0:
		n.Top = id
	case start <= n.start:
		if id > n.Top && id-n.Top <= outOfOrder {
			n.Top = id
		}
	case id < n.Top-outOfOrder:
		if start <= n.start+outOfOrderTime {
			return
		}
		n.restart(id, start)
	case id <= n.Top+outOfOrder:
		n.Top, n.alone = max(n.Top, id), 0
	case n.alone == 0 || id < n.alone-outOfOrder: // the counter jumped, or the id is no id
		n.alone = id
	default:
		n.Top, n.alone = max(id, n.alone), 0
	}
	n.start = max(n.start, start)
	if id <= n.Top && start >= max(birth, n.Since) && (n.First == 0 || id < n.First) {
		n.First = id
	}
}

// restart begins a new numbering with an event.
func (n *Numbering) restart(id, start int64) {
	*n = Numbering{First: id, Top: id, Since: start, start: max(n.start, start), restarts: n.restarts + 1}
}

// TakeRestarts is how often the ids were seen to start again since it was last asked.
func (n *Numbering) TakeRestarts() int {
	times := n.restarts
	n.restarts = 0
	return times
}

// within says that an id lies between the first and the top: its event began after the ledger did, whatever
// the clock was that stamped it.
func (n *Numbering) within(id int64) bool { return n.First != 0 && id >= n.First && id <= n.Top }
