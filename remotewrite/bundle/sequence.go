package bundle

import (
	"fmt"
	"slices"
	"time"

	"backwire/remotewrite/wal"
)

// Missing names what lies between the bundles that were opened and is in none of them: somebody left a bundle out, or the
// agent gave samples up before they were exported. What is missing before the first or behind the last cannot be known.
func (m *Medium) Missing() []string {
	agents := map[string][]*Manifest{}
	var order []string
	for _, b := range m.bundles {
		if agents[b.Agent] == nil {
			order = append(order, b.Agent)
		}
		agents[b.Agent] = append(agents[b.Agent], b)
	}
	var missing []string
	for _, agent := range order {
		for _, g := range gaps(agents[agent]) {
			missing = append(missing, g.String())
		}
	}
	return missing
}

// gap is where a bundle begins behind the end of all that came before.
type gap struct {
	text string
	next *Manifest // that it lies before
}

// String implements fmt.Stringer.
func (g gap) String() string { return g.text }

// gaps goes along one agent's log. Bundles may overlap, and more than one endpoint may write them.
func gaps(bundles []*Manifest) (found []gap) {
	slices.SortStableFunc(bundles, func(a, b *Manifest) int { return a.start().Compare(b.start()) })
	last := bundles[0] // that reaches furthest
	for i, next := range bundles[1:] {
		if !next.follows(last) {
			found = append(found, gap{describeGap(bundles[:i+1], last, next), next})
		}
		if next.end().Compare(last.end()) > 0 {
			last = next
		}
	}
	return found
}

// follows says that nothing of the log lies between two bundles of it.
func (m *Manifest) follows(last *Manifest) bool {
	return m.start().Compare(last.end()) <= 0 || m.FirstSequence == last.LastSequence+1
}

func describeGap(before []*Manifest, last, next *Manifest) string {
	between := fmt.Sprintf("samples collected between %s and %s", last.Created.Format(time.RFC3339), next.Created.Format(time.RFC3339))
	number := uint64(0) // of the endpoint's bundle before
	for _, b := range before {
		if b.Endpoint == next.Endpoint && b.Number < next.Number {
			number = max(number, b.Number)
		}
	}
	switch {
	case number == 0 || next.Number == 0:
		return fmt.Sprintf("the bundles of %s have a gap: no bundle contains %s", next.Agent, between)
	case next.Number == number+1:
		return fmt.Sprintf("no bundle of %s is missing, but between bundles %d and %d the agent dropped samples before it could export them",
			next.Agent, number, next.Number)
	case next.Number == number+2:
		return fmt.Sprintf("bundle %d of %s is missing: it contains %s", number+1, next.Agent, between)
	}
	return fmt.Sprintf("bundles %d to %d of %s are missing: they contain %s", number+1, next.Number-1, next.Agent, between)
}

// start is where a bundle begins in its agent's log, end where it ends.
func (m *Manifest) start() wal.Position {
	first, _ := wal.SegmentNumber(m.Files[0].Name)
	begin := wal.Position{Segment: first}
	if from := wal.Position(m.From); from.Compare(begin) > 0 {
		return from
	}
	return begin
}

func (m *Manifest) end() wal.Position {
	newest := m.Files[len(m.Files)-1]
	number, _ := wal.SegmentNumber(newest.Name)
	return wal.Position{Segment: number, Offset: uint64(newest.Bytes)}
}
