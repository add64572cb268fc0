package netbackup

import (
	"math/rand/v2"
	"slices"
	"testing"

	"backwire/source"
)

// reload is the set as a restart finds it: from its own changes and the numbers beside them.
func reload(t *testing.T, l *ledger, state map[string][]byte) *ledger {
	t.Helper()
	for _, c := range l.changes() {
		if c.Value == nil {
			delete(state, c.Key)
			continue
		}
		state[c.Key] = c.Value
	}
	again := newLedger(SiteConfig{}, newCatalogue(), nil)
	if err := again.restore(source.Checkpoint{State: state}); err != nil {
		t.Fatal(err)
	}
	return again
}

// TestCountedIsASet compares with a map, over restarts.
func TestCountedIsASet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	l, state := newLedger(SiteConfig{}, newCatalogue(), nil), map[string][]byte{}
	tries := map[int64]int32{}
	for i := range 20_000 {
		e := &ending{id: 1 + random.Int64N(5000), try: int32(random.IntN(4)), start: 1, end: 2}
		before, ok := l.counted.add(e)
		was, known := tries[e.id]
		if !known {
			was = uncounted
		}
		if before != was || ok != (e.try > was) {
			t.Fatalf("add %d try %d: %d, %v after try %d", e.id, e.try, before, ok, was)
		}
		if ok {
			tries[e.id] = e.try
		}
		if i%1000 == 0 {
			l = reload(t, l, state)
		}
	}
}

func TestCountedFullChunkTakesABytePlusItsTimesAndTries(t *testing.T) {
	l, state := newLedger(SiteConfig{}, newCatalogue(), nil), map[string][]byte{}
	const start = 1_800_000_000_000
	for id := range int64(idsPerChunk) {
		l.counted.add(&ending{id: id, try: 1, start: start + id*1000, end: start + id*1000 + 500})
	}
	l.counted.add(&ending{id: 3, try: 2, start: start + 3000, end: start + 9000})
	l = reload(t, l, state)
	if n := len(state["counted/1/0"]); n > 1+6+4+3+2 {
		t.Errorf("a full chunk with one pair takes %d bytes", n)
	}
	has := func(id int64, try int32) bool {
		return l.counted.has(&ending{id: id, try: try, start: start + id*1000})
	}
	if !has(3, 2) || has(3, 3) || !has(511, 1) {
		t.Error("a full chunk came back as another")
	}
}

// TestCountedIsBounded counts more ids than are remembered. An id that is forgotten counts
// only for an end that is later than all that was counted before it was forgotten.
func TestCountedIsBounded(t *testing.T) {
	l, state := newLedger(SiteConfig{}, newCatalogue(), nil), map[string][]byte{}
	const ids = (maxChunks + 10) * idsPerChunk
	for id := int64(0); id < ids; id += idsPerChunk / 2 {
		l.counted.add(&ending{id: id, try: 1, start: 1, end: 1000 + id})
	}
	l = reload(t, l, state)
	chunks := 0
	for key := range state {
		if key != ledgerKey {
			chunks++
		}
	}
	if chunks != maxChunks {
		t.Errorf("%d chunks are remembered, want %d", chunks, maxChunks)
	}
	old := &ending{id: 5, try: 1, end: 1500}
	if _, ok := l.counted.add(old); ok {
		t.Error("a forgotten id with an old end was counted")
	}
	late := &ending{id: 6, try: 1, end: 1000 + ids}
	if _, ok := l.counted.add(late); !ok {
		t.Error("a forgotten id with a new end was not counted")
	}
	l = reload(t, l, state)
	if _, ok := l.counted.add(late); ok {
		t.Error("a late ending was counted twice")
	}
	low := &ending{id: 10 * idsPerChunk, try: 2, end: 2000 + ids}
	if _, ok := l.counted.add(low); !ok {
		t.Error("another try of a remembered id was not counted")
	}
}

// An id that comes again with a job that began after all that was counted beside it is another job's: the ids
// started again. Each is counted once, over restarts, and those of earlier lives stay counted.
func TestCountedLivesOfAnId(t *testing.T) {
	l, state := newLedger(SiteConfig{}, newCatalogue(), nil), map[string][]byte{}
	for life := range int64(5) {
		start := 1000 * (life + 1)
		again := &ending{id: 7, try: 1, start: start, end: start + 100}
		if _, ok := l.counted.add(again); !ok {
			t.Fatalf("life %d: the id of the life before was taken for its own", life+1)
		}
		l = reload(t, l, state)
		for was := range life + 1 {
			if _, ok := l.counted.add(&ending{id: 7, try: 1, start: 1000 * (was + 1), end: start + 200}); ok {
				t.Fatalf("life %d: the job of life %d is counted again", life+1, was+1)
			}
		}
	}
	if l.counted.has(&ending{id: 8, try: 1, start: 3050}) {
		t.Error("an id that never came is counted")
	}
	if l.counted.restarts != 0 || len(state) != 6 {
		t.Errorf("%d keys after four restarts of the ids, want the mark and five lives", len(state))
	}
}

// Whatever the order in which jobs of several lives of the ids come up, each is counted once: the ids wrap, a
// long job of before the wrap ends, new ones follow, the ids jump back, a stray id comes.
func TestCountedInEveryOrderOfLives(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 4))
		l, state := newLedger(SiteConfig{}, newCatalogue(), nil), map[string][]byte{}
		var open []ending
		ended := map[[2]int64]ending{}
		next, now := 1+random.Int64N(1<<31), int64(1_000_000)
		fresh := 0 // endings since the ids started again
		for range 1500 {
			now += 1 + random.Int64N(20_000)
			switch n := random.IntN(300); {
			case n == 0 && fresh >= 30: // the database is lost, or the counter wraps
				fresh, next = 0, 1+random.Int64N(2)*random.Int64N(3000)
				near := func(e ending) bool { return e.id>>9 <= next>>9+3 }
				if random.IntN(2) == 0 || slices.ContainsFunc(open, near) { // who wraps meets no id that is in use
					open = nil
				}
			case n < 3:
				next += random.Int64N(5000)
			case n < 100 || len(open) == 0:
				id := next
				if random.IntN(100) == 0 {
					id = 1<<31 - 1 - random.Int64N(1<<20) // no id at all
				} else {
					next++
				}
				open = append(open, ending{id: id, try: 1, start: now})
				l.counted.seeOpen(id, now, 0)
			default:
				i := random.IntN(len(open))
				if random.IntN(4) > 0 { // the longest goes on
					i = max(i, len(open)-3)
				}
				e := open[i]
				e.end = now
				open = append(open[:i], open[i+1:]...)
				key := [2]int64{e.id, e.start}
				if _, known := ended[key]; !known {
					ended[key] = e
				}
				if _, ok := l.counted.add(&e); !ok {
					t.Fatalf("seed %d: job %d of %d is not counted at %d", seed, e.id, e.start, now)
				}
				l.counted.see(e.id, e.start, 0)
				fresh++
			}
			if random.IntN(400) == 0 {
				l = reload(t, l, state)
			}
			for _, e := range ended { // what was read comes again, some of it
				if _, ok := l.counted.add(&e); ok {
					t.Fatalf("seed %d: job %d of %d is counted twice at %d", seed, e.id, e.start, now)
				}
				if random.IntN(3) == 0 {
					break
				}
			}
		}
	}
}

// A field that is missing makes no second counting, whichever answer lacks it.
func TestCountedOnceWithoutATryOrAStart(t *testing.T) {
	whole := ending{id: 7, try: 1, start: 1000, end: 2000}
	noTry, noStart := whole, whole
	noTry.try, noTry.noTry, noStart.start = 0, true, 0
	for name, order := range map[string][]ending{
		"the try at the second": {noTry, whole}, "no try at the second": {whole, noTry},
		"the start at the second": {noStart, whole}, "no start at the second": {whole, noStart},
	} {
		c := newCounted()
		c.add(&ending{id: 6, try: 1, start: 500, end: 600})
		for i, e := range order {
			if _, ok := c.add(&e); ok != (i == 0) {
				t.Errorf("%s: answer %d is counted: %v", name, i+1, ok)
			}
		}
	}
}
