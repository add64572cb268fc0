package ledger

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// kept is all that a restart finds of a set: its own keys, and the numbers in the mark.
type kept struct {
	counted *Counted
	mark    Mark
	clock   Clock
}

func newKept() *kept { return &kept{counted: NewCounted()} }

// reload is the set as a restart finds it: from its own changes and the numbers beside them.
func reload(t *testing.T, l *kept, state map[string][]byte) *kept {
	t.Helper()
	state[markKey] = l.mark.encode(&l.clock, l.counted)
	for _, c := range l.counted.changes() {
		if c.Value == nil {
			delete(state, c.Key)
			continue
		}
		state[c.Key] = c.Value
	}
	again := newKept()
	if err := again.mark.decode(state[markKey], &again.clock, again.counted, 0); err != nil {
		t.Fatal(err)
	}
	for key, value := range state {
		if key == markKey {
			continue
		}
		if err := again.counted.restore(key, value); err != nil {
			t.Fatal(err)
		}
	}
	return again
}

// TestCountedIsASet compares with a map, over restarts.
func TestCountedIsASet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	l, state := newKept(), map[string][]byte{}
	tries := map[int64]int32{}
	for i := range 20_000 {
		e := &Event{ID: 1 + random.Int64N(5000), Try: int32(random.IntN(4)), Start: 1, End: 2}
		before, ok := l.counted.add(e)
		was, known := tries[e.ID]
		if !known {
			was = uncounted
		}
		if before != was || ok != (e.Try > was) {
			t.Fatalf("add %d try %d: %d, %v after try %d", e.ID, e.Try, before, ok, was)
		}
		if ok {
			tries[e.ID] = e.Try
		}
		if i%1000 == 0 {
			l = reload(t, l, state)
		}
	}
}

func TestCountedFullChunkTakesABytePlusItsTimesAndTries(t *testing.T) {
	l, state := newKept(), map[string][]byte{}
	const start = 1_800_000_000_000
	for id := range int64(idsPerChunk) {
		l.counted.add(&Event{ID: id, Try: 1, Start: start + id*1000, End: start + id*1000 + 500})
	}
	l.counted.add(&Event{ID: 3, Try: 2, Start: start + 3000, End: start + 9000})
	l = reload(t, l, state)
	if n := len(state["counted/1/0"]); n > 1+6+4+3+2 {
		t.Errorf("a full chunk with one pair takes %d bytes", n)
	}
	has := func(id int64, try int32) bool {
		return l.counted.has(&Event{ID: id, Try: try, Start: start + id*1000})
	}
	if !has(3, 2) || has(3, 3) || !has(511, 1) {
		t.Error("a full chunk came back as another")
	}
}

// TestCountedIsBounded counts more ids than are remembered. An id that is forgotten counts
// only for an end that is later than all that was counted before it was forgotten.
func TestCountedIsBounded(t *testing.T) {
	l, state := newKept(), map[string][]byte{}
	const ids = (maxChunks + 10) * idsPerChunk
	for id := int64(0); id < ids; id += idsPerChunk / 2 {
		l.counted.add(&Event{ID: id, Try: 1, Start: 1, End: 1000 + id})
	}
	l = reload(t, l, state)
	chunks := 0
	for key := range state {
		if key != markKey {
			chunks++
		}
	}
	if chunks != maxChunks {
		t.Errorf("%d chunks are remembered, want %d", chunks, maxChunks)
	}
	old := &Event{ID: 5, Try: 1, End: 1500}
	if _, ok := l.counted.add(old); ok {
		t.Error("a forgotten id with an old end was counted")
	}
	late := &Event{ID: 6, Try: 1, End: 1000 + ids}
	if _, ok := l.counted.add(late); !ok {
		t.Error("a forgotten id with a new end was not counted")
	}
	l = reload(t, l, state)
	if _, ok := l.counted.add(late); ok {
		t.Error("a late ending was counted twice")
	}
	low := &Event{ID: 10 * idsPerChunk, Try: 2, End: 2000 + ids}
	if _, ok := l.counted.add(low); !ok {
		t.Error("another try of a remembered id was not counted")
	}
}

// An id that comes again with a job that began after all that was counted beside it is another job's: the ids
// started again. Each is counted once, over restarts, and those of earlier lives stay counted.
func TestCountedLivesOfAnId(t *testing.T) {
	l, state := newKept(), map[string][]byte{}
	for life := range int64(5) {
		start := 1000 * (life + 1)
		again := &Event{ID: 7, Try: 1, Start: start, End: start + 100}
		if _, ok := l.counted.add(again); !ok {
			t.Fatalf("life %d: the id of the life before was taken for its own", life+1)
		}
		l = reload(t, l, state)
		for was := range life + 1 {
			if _, ok := l.counted.add(&Event{ID: 7, Try: 1, Start: 1000 * (was + 1), End: start + 200}); ok {
				t.Fatalf("life %d: the job of life %d is counted again", life+1, was+1)
			}
		}
	}
	if l.counted.has(&Event{ID: 8, Try: 1, Start: 3050}) {
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
		l, state := newKept(), map[string][]byte{}
		var open []Event
		ended := map[[2]int64]Event{}
		next, now := 1+random.Int64N(1<<31), int64(1_000_000)
		fresh := 0 // endings since the ids started again
		for range 1500 {
			now += 1 + random.Int64N(20_000)
			switch n := random.IntN(300); {
			case n == 0 && fresh >= 30: // the database is lost, or the counter wraps
				fresh, next = 0, 1+random.Int64N(2)*random.Int64N(3000)
				near := func(e Event) bool { return e.ID>>9 <= next>>9+3 }
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
				open = append(open, Event{ID: id, Try: 1, Start: now})
				l.counted.seeOpen(id, now, 0)
			default:
				i := random.IntN(len(open))
				if random.IntN(4) > 0 { // the longest goes on
					i = max(i, len(open)-3)
				}
				e := open[i]
				e.End = now
				open = append(open[:i], open[i+1:]...)
				key := [2]int64{e.ID, e.Start}
				if _, known := ended[key]; !known {
					ended[key] = e
				}
				if _, ok := l.counted.add(&e); !ok {
					t.Fatalf("seed %d: job %d of %d is not counted at %d", seed, e.ID, e.Start, now)
				}
				l.counted.see(e.ID, e.Start, 0)
				fresh++
			}
			if random.IntN(400) == 0 {
				l = reload(t, l, state)
			}
			for _, e := range ended { // what was read comes again, some of it
				if _, ok := l.counted.add(&e); ok {
					t.Fatalf("seed %d: job %d of %d is counted twice at %d", seed, e.ID, e.Start, now)
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
	whole := Event{ID: 7, Try: 1, Start: 1000, End: 2000}
	noTry, noStart := whole, whole
	noTry.Try, noTry.TryUnknown, noStart.Start = 0, true, 0
	for name, order := range map[string][]Event{
		"the try at the second": {noTry, whole}, "no try at the second": {whole, noTry},
		"the start at the second": {noStart, whole}, "no start at the second": {whole, noStart},
	} {
		c := NewCounted()
		c.add(&Event{ID: 6, Try: 1, Start: 500, End: 600})
		for i, e := range order {
			if _, ok := c.add(&e); ok != (i == 0) {
				t.Errorf("%s: answer %d is counted: %v", name, i+1, ok)
			}
		}
	}
}

// A server of years: an event of an id is remembered for 90 days after it ended, and an older one is taken for counted, whether it was
// or not. The ids of the numbering in use are let go from the lowest on, so that between the first and the highest none is missing.
func TestCountedForgetsWhatIsOld(t *testing.T) {
	const (
		hour  = int64(3600_000)
		day   = 24 * hour
		start = 1_800_000_000_000
		jobs  = int64(200 * 24 * 10) // ten an hour
	)
	l, state := newKept(), map[string][]byte{}
	event := func(id int64) *Event {
		at := start + id*hour/10
		return &Event{ID: id, Try: 1, Start: at, End: at + hour}
	}
	now := func(id int64) int64 { return event(id).End + 1000 }
	const long = jobs / 20 // runs for a hundred days
	for id := int64(1); id <= jobs; id++ {
		e := event(id)
		if id == long {
			continue
		}
		l.counted.see(e.ID, e.Start, start)
		if _, ok := l.counted.add(e); !ok {
			t.Fatalf("id %d is not counted", id)
		}
		if id%100 == 0 {
			l.counted.forgetOld(now(id))
		}
		if id%7000 == 0 {
			l = reload(t, l, state)
		}
	}
	l = reload(t, l, state)
	if most := int(90*24*10/idsPerChunk + 3); len(state)-1 > most {
		t.Errorf("%d chunks are remembered of 200 days, want at most %d, those of 90", len(state)-1, most)
	}
	for id := int64(1); id <= jobs; id++ {
		if id != long && !l.counted.has(event(id)) {
			t.Fatalf("id %d of %d would be counted again", id, jobs)
		}
	}
	if e := event(long); !l.counted.has(e) {
		t.Error("an ending of before 90 days is not taken for counted")
	}
	late := event(long)
	late.End = now(jobs)
	if _, ok := l.counted.add(late); !ok {
		t.Error("a job of a forgotten id that ends now is not counted")
	}
	if l.counted.has(event(jobs + 1)) {
		t.Error("a new id is taken for counted")
	}
	known, first, top := l.counted.settled(), l.counted.First, l.counted.Top
	if known.count(first, top) != top-first+1 || top != jobs || first < jobs-91*24*10-2*idsPerChunk {
		t.Errorf("%d ids are known of %d to %d", known.count(first, top), first, top)
	}
	if until := l.counted.Forgotten(); until <= start || until > now(jobs)-90*day {
		t.Errorf("forgotten up to %d, want 90 days before the last and not later", until)
	}
}

// A clock that is a year ahead lets nothing go: what was counted says how late it is.
func TestCountedBelievesNoClockAlone(t *testing.T) {
	l := newKept()
	const day = int64(24 * 3600_000)
	for id := int64(1); id < 3*idsPerChunk; id++ {
		l.counted.add(&Event{ID: id, Try: 1, Start: 1000 * day, End: 1000*day + 1})
	}
	l.counted.forgetOld(1365 * day)
	if n := l.counted.Forgotten(); n != 0 {
		t.Errorf("what ended up to %d is forgotten", n)
	}
}

// A job that ended lately keeps what is above its id, else ids that were counted would look as if they were missing.
func TestCountedKeepsNoHole(t *testing.T) {
	l := newKept()
	const day = int64(24 * 3600_000)
	for id := int64(1); id <= 100*idsPerChunk; id++ {
		at := 1000*day + id*day/100
		e := &Event{ID: id, Try: 1, Start: at, End: at + 1000}
		if id == 5 {
			e.End = 1000*day + 100*idsPerChunk*day/100
		}
		l.counted.see(e.ID, e.Start, 1000*day)
		l.counted.add(e)
		l.counted.forgetOld(e.End)
	}
	if n := l.counted.settled().count(1, 100*idsPerChunk); n != 100*idsPerChunk {
		t.Errorf("%d ids are known, want all", n)
	}
}

// An id was counted only in the numbering that is in use: after the ids started again, the same number is another job's.
func TestCountedKnowsAnIDInItsNumbering(t *testing.T) {
	l := newKept()
	for id := int64(5000); id < 5010; id++ {
		e := &Event{ID: id, Try: 1, Start: 1000 + id, End: 1001 + id}
		l.counted.see(e.ID, e.Start, 1)
		l.counted.add(e)
	}
	if !l.counted.HasID(5003) || l.counted.HasID(5010) || l.counted.HasID(4999) {
		t.Error("the ids that were counted are others")
	}
	const later = 10_000_000
	for id := int64(1); id < 4; id++ {
		e := &Event{ID: id, Try: 1, Start: later + id, End: later + id + 1}
		l.counted.see(e.ID, e.Start, 1)
		l.counted.add(e)
	}
	if l.counted.TakeRestarts() != 1 || l.counted.HasID(5003) || !l.counted.HasID(2) {
		t.Error("an id of before is taken for one of now")
	}
}

// After the ids started again, an id up to the new top is settled where it was counted since, and one above it where it ever was.
func TestSettledInANewNumbering(t *testing.T) {
	const later = 10_000_000
	for top := int64(1); top < 1100; top += 7 {
		l := newKept()
		for id := int64(1); id <= 1050; id++ {
			e := &Event{ID: id, Try: 1, Start: 1000 + id, End: 1001 + id}
			l.counted.see(e.ID, e.Start, 1)
			l.counted.add(e)
		}
		want := map[int64]bool{}
		for id := top; id > 0; id -= 2 { // every second, the highest first: so that the ids start again at once
			e := &Event{ID: id, Try: 1, Start: later + 1100 - id, End: later + 3000}
			l.counted.see(e.ID, e.Start, 1)
			l.counted.add(e)
			want[id] = true
		}
		if l.counted.Top != top {
			continue // these ids are not below those of before by so much that they are known to have started again
		}
		settled := l.counted.settled()
		for id := int64(1); id <= 1200; id++ {
			if expected := want[id] || id > top && id <= 1050; settled.has(id) != expected {
				t.Fatalf("top %d: id %d is settled: %v", top, id, settled.has(id))
			}
		}
	}
}
