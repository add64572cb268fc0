package ledger

// selection is the attribute by which ended events are read: the last change, or the end of the event where
// the server refuses the other. A refusal is not for life: a release or a patch may bring the filter.
type selection struct {
	by      Order
	refused int64  // agent's clock when the last change was last refused as a filter, ms; 0 where it was not
	version string // of the API when it was
}

const tryAgainAfter = 3_600_000 // ms after which a filter that was refused is tried again

// choose is what to read by; at is the agent's clock, ms.
func (s *selection) choose(at int64, version string) Order {
	if s.refused != 0 && (at-s.refused >= tryAgainAfter || at < s.refused || version != s.version) {
		return ByUpdate
	}
	return s.by
}

// refuse goes over to the end of events, and says whether that is new.
func (s *selection) refuse(at int64, version string) bool {
	fresh := s.refused == 0
	s.by, s.refused, s.version = ByEnd, at, version
	return fresh
}

// accept goes by the last change, and says whether that is new.
func (s *selection) accept() bool {
	fresh := s.refused != 0
	s.by, s.refused = ByUpdate, 0
	return fresh
}

// deep is the plain way to find what is shown late, for a server that refuses to filter by ids: now and
// then a reading begins so far back that its depth is more than the time between two of them. How far
// depends on how many events there are, because it may cost a page a cycle and no more.
type deep struct {
	at    int64 // agent's clock when the last one began, ms; 0 before the first
	depth int64 // ms
}

const (
	deepEvery = 840_000        // ms, so that what comes up is read within 15 minutes
	shallow   = 1_200_000      // ms: the least depth
	deepest   = 25 * 3_600_000 // ms: a day and a little
	deeperBy  = 4              // at most, from one to the next
)

// due says that a deep reading is to be made; at is the agent's clock, ms.
func (d *deep) due(at int64) bool { return d.at == 0 || at-d.at >= deepEvery || at < d.at }

// made notes one that brought so many rows, and how deep the next one is.
func (d *deep) made(at, interval int64, rows int) {
	worth := PageRows * max(deepEvery/interval, 1) // rows of a page a cycle
	next := float64(d.depth) * float64(worth) / float64(max(rows, 1))
	d.at = at
	d.depth = int64(min(max(next, shallow), float64(d.depth)*deeperBy, deepest))
}
