package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"backwire/source"
)

// A product that is none of those that there are: a carrier of parcels, each of which is delivered once and now and then again. It
// shows a delivery late, leaves attributes out of its answers, and may refuse to select by any of them.
const (
	hasRoute Fields = 1 << iota
	hasAttempt
	hasPickup
	hasDelivery
	hasChange
	hasWeight
	hasStamps // since its second release
)

var parcelAttributes = Attributes{
	Kind: hasRoute, Try: hasAttempt, Start: hasPickup, End: hasDelivery, Update: hasChange,
	Names: hasRoute, Needed: hasRoute | hasAttempt | hasPickup | hasDelivery | hasWeight | hasStamps, Newer: hasStamps,
}

// parcel is a row of that product.
type parcel struct {
	Event
	route  string
	weight int64
	shown  int64 // from when on the carrier shows it; not part of a row
}

func (p *parcel) Kind() string { return p.route }

func (p *parcel) Fill(row Row, lacking Fields) {
	from := row.(*parcel)
	if lacking&hasRoute != 0 {
		p.route = from.route
	}
	if lacking&hasWeight != 0 {
		p.weight = from.weight
	}
}

var errRefused = errors.New("refused")

// carrier is the source.
type carrier struct {
	mu        sync.Mutex // of what readers share: random and questions
	random    *rand.Rand
	now       int64
	parcels   map[int64]*parcel
	refuses   map[Order]bool
	forgetful float64 // share of the attributes that an answer leaves out
	questions int
}

func (c *carrier) Refuses(err error, by Order) bool {
	return errors.Is(err, errRefused) && c.refuses[by]
}

func (c *carrier) Fits(ids []IDs) int { return min(len(ids), 20) }

func (c *carrier) Events(_ context.Context, q Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		c.mu.Lock()
		c.questions++
		c.mu.Unlock()
		if c.refuses[q.By] {
			yield(nil, errRefused)
			return
		}
		for i, p := range c.matching(&q) {
			if q.Limit > 0 && i >= q.Limit || !yield(c.answer(p), nil) {
				return
			}
		}
	}
}

func (c *carrier) matching(q *Query) []*parcel {
	var list []*parcel
	for _, p := range c.parcels {
		at := q.By.of(&p.Event)
		if p.shown > c.now || q.By != ByID && (at < q.From || at >= q.To) {
			continue
		}
		if q.IDs == nil || slices.ContainsFunc(q.IDs, func(r IDs) bool {
			return p.ID >= r.From && p.ID <= r.To && p.Start >= r.StartedSince && p.End >= r.EndedSince
		}) {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *parcel) int {
		return cmp.Or(cmp.Compare(q.By.of(&a.Event), q.By.of(&b.Event)), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// answer is what one answer says of a parcel.
func (c *carrier) answer(p *parcel) *parcel {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := *p
	row.Given = parcelAttributes.Needed&^hasStamps | hasChange
	row.Given.each(func(i int) {
		if f := Fields(1) << i; f != hasChange && c.random.Float64() < c.forgetful {
			row.Given &^= f
		}
	})
	blank := func(f Fields, leaveOut func()) {
		if row.Given&f == 0 {
			leaveOut()
		}
	}
	blank(hasRoute, func() { row.route = "" })
	blank(hasAttempt, func() { row.Try = 0 })
	blank(hasPickup, func() { row.Start = 0 })
	blank(hasDelivery, func() { row.End = 0 })
	blank(hasWeight, func() { row.weight = 0 })
	row.Named = row.Given
	return &row
}

// books are what counting comes to.
type books struct {
	t       *testing.T
	carrier *carrier
	ledger  *Ledger
	state   map[string][]byte
	counted map[string]*parcel // by id and try
}

func (b *books) start() {
	b.t.Helper()
	b.ledger = New(Config{Attributes: parcelAttributes, Readers: 3, Interval: 60_000, Backfill: 3_600_000}, b.carrier, slog.New(slog.DiscardHandler))
	if err := b.ledger.Restore(b.state); err != nil {
		b.t.Fatal(err)
	}
	for key, value := range b.state {
		if key == markKey || key == ClockKey {
			continue
		}
		if mine, err := b.ledger.RestoreKey(key, value); !mine || err != nil {
			b.t.Fatalf("state key %q: %v, %v", key, mine, err)
		}
	}
}

// Count counts each delivery once.
func (b *books) Count(p *Point) Page {
	for x := range p.Endings {
		row := x.Row.(*parcel)
		key := fmt.Sprintf("%d/%d", row.ID, row.Try)
		if b.counted[key] != nil {
			b.t.Errorf("parcel %s is counted twice", key)
		}
		b.counted[key] = row
		if x.At > p.At || x.At <= p.Born {
			b.t.Errorf("parcel %s is counted at %d, want it behind %d and up to %d", key, x.At, p.Born, p.At)
		}
	}
	return Page{}
}

func (b *books) Series() int { return len(b.counted) }

func (b *books) Changes(int64) []source.Change { return nil }

// cycle reads, counts and commits.
func (b *books) cycle() {
	b.t.Helper()
	enter := func(r *Reading, live func() []source.Sample) error {
		for c := range b.ledger.Cycles(b, r, live, b.carrier.now) {
			for _, change := range c.Changes {
				b.commit(change)
			}
		}
		return nil
	}
	r, err := b.ledger.Read(b.t.Context(), b.carrier.now, func(r *Reading) error { return enter(r, nil) })
	if err != nil {
		b.t.Fatal(err)
	}
	b.ledger.NoteOpen(func(func(id, start int64) bool) {})
	if err := b.ledger.Check(b.t.Context(), r); err != nil {
		b.t.Fatal(err)
	}
	b.ledger.NoteCycle(true)
	_ = enter(r, func() []source.Sample { return nil })
}

func (b *books) commit(c source.Change) {
	if c.Value == nil {
		delete(b.state, c.Key)
		return
	}
	b.state[c.Key] = c.Value
}

// TestLedgerCountsAnotherProduct has parcels that are shown up to hours late by a carrier that leaves attributes out, over restarts.
// Each delivery is counted once, with all that any answer gave of it.
func TestLedgerCountsAnotherProduct(t *testing.T) {
	for name, refuses := range map[string]map[Order]bool{
		"tidy": {}, "no filter by change": {ByUpdate: true}, "no filter by id": {ByID: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := &carrier{random: rand.New(rand.NewPCG(7, 7)), now: 1_800_000_000_000, parcels: map[int64]*parcel{}, refuses: refuses, forgetful: 0.05}
			if refuses[ByID] {
				c.forgetful = 0 // nothing can be asked for again
			}
			b := &books{t: t, carrier: c, state: map[string][]byte{}, counted: map[string]*parcel{}}
			b.start()
			id := int64(1000)
			for minute := range 600 {
				c.now += 60_000
				for range c.random.IntN(4) {
					id++
					p := &parcel{Event: Event{ID: id, Try: 1, Start: c.now - 50_000, End: c.now - c.random.Int64N(40_000)}, route: "north", weight: id}
					p.Updated, p.shown = p.End, p.End
					if c.random.IntN(10) == 0 && minute < 400 && !refuses[ByID] {
						p.shown += c.random.Int64N(2 * 3_600_000) // long after its time
					}
					c.parcels[id] = p
				}
				if c.random.IntN(50) == 0 {
					b.start()
				}
				b.cycle()
			}
			for range 30 { // what is in pieces is asked for for twelve minutes
				c.now += 60_000
				b.cycle()
			}
			b.wantEach()
			if n, ok := b.ledger.Unaccounted(); !refuses[ByID] && (n != 0 || !ok) {
				t.Errorf("%d ids are unaccounted for, known %v", n, ok)
			}
			if c.questions > 630*4 {
				t.Errorf("%d questions in 630 cycles", c.questions)
			}
		})
	}
}

func (b *books) wantEach() {
	b.t.Helper()
	for _, id := range slices.Sorted(maps.Keys(b.carrier.parcels)) {
		p := b.carrier.parcels[id]
		got := b.counted[fmt.Sprintf("%d/%d", p.ID, p.Try)]
		if got == nil {
			b.t.Errorf("parcel %d, delivered at %d and shown at %d, is not counted", p.ID, p.End, p.shown)
			continue
		}
		if got.route != p.route || got.weight != p.weight || got.Start != p.Start || got.End != p.End {
			b.t.Errorf("parcel %d is counted as %+v, want %+v", p.ID, got, p)
		}
	}
	if len(b.counted) != len(b.carrier.parcels) {
		b.t.Errorf("%d deliveries are counted of %d", len(b.counted), len(b.carrier.parcels))
	}
}
