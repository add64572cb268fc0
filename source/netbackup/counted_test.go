package netbackup

import (
	"math/rand/v2"
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

func TestCountedFullChunkTakesABytePlusItsTries(t *testing.T) {
	l, state := newLedger(SiteConfig{}, newCatalogue(), nil), map[string][]byte{}
	for id := range int64(idsPerChunk) {
		l.counted.add(&ending{id: id, try: 1, start: 1, end: 2})
	}
	l.counted.add(&ending{id: 3, try: 2, start: 1, end: 2})
	l = reload(t, l, state)
	if n := len(state["counted/1/0"]); n != 3 {
		t.Errorf("a full chunk with one pair takes %d bytes, want 3", n)
	}
	if !l.counted.has(&ending{id: 3, try: 2}) || l.counted.has(&ending{id: 3, try: 3}) || !l.counted.has(&ending{id: 511, try: 1}) {
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

// TestCountedEpochs has the ids start again: each epoch counts its own.
func TestCountedEpochs(t *testing.T) {
	l, state := newLedger(SiteConfig{}, newCatalogue(), nil), map[string][]byte{}
	l.counted.add(&ending{id: 7, try: 1, start: 100, end: 110})
	again := &ending{id: 7, try: 1, start: 200, end: 210}
	if !l.counted.startsAgain(again) || l.counted.startsAgain(&ending{id: 7, try: 2, start: 200}) || l.counted.startsAgain(&ending{id: 8, try: 1, start: 200}) {
		t.Fatal("the sign of a reset is a counted id that started later than all that was counted")
	}
	for epochs := range 3 {
		was := &ending{id: 7, try: 1, start: again.start - 100}
		l.counted.reset()
		if !l.counted.has(was) {
			t.Fatalf("epoch %d: an ending of the epoch before is not known any more", epochs+2)
		}
		if _, ok := l.counted.add(again); !ok {
			t.Fatalf("epoch %d: the id of the epoch before was taken for its own", epochs+2)
		}
		l = reload(t, l, state)
		if _, ok := l.counted.add(again); ok {
			t.Fatalf("epoch %d: counted twice", epochs+2)
		}
		again = &ending{id: 7, try: 1, start: again.start + 100, end: again.end + 100}
	}
	if l.counted.has(&ending{id: 8, try: 1, start: 250}) || !l.counted.has(&ending{id: 7, try: 1, start: 300}) {
		t.Error("an ending was looked up in the wrong epoch")
	}
	if len(state) != 3 {
		t.Errorf("%d keys after three resets, want the mark and two epochs: %v", len(state), state)
	}
}
