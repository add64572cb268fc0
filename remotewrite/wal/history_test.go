package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

// attempt is a record that somebody tried to commit.
type attempt struct {
	payload  []byte
	segment  uint64
	acked    bool
	unproven bool // it was read, but could not be synced
	life     int
}

// history is a program's dealings with a log, and what it was told: the model
// that a log is held against after a crash.
type history struct {
	attempts []attempt
	removed  map[uint64]bool // segments whose removal was tried
	cursor   wal.Position    // stored and acknowledged
	tried    []wal.Position  // being stored since then, and not acknowledged
	life     int
	label    string // which history, and how it ended
}

const cursorOfHistory = "endpoint"

// life is one run of the program.
type life struct {
	h      *history
	dir    *crashfs.FS
	log    *wal.Log
	cursor *wal.Cursor
}

// live opens the log and plays the steps until something crashes:
// R roll, a append, c store the cursor, x remove the oldest segment.
// What fails otherwise is dealt with as a queue would.
func (h *history) live(dir *crashfs.FS, steps string) error {
	h.life++
	l := &life{h: h, dir: dir}
	log, rec, err := wal.Open(dir, wal.Options{})
	if err != nil {
		return err
	}
	l.log = log
	records, _, err := readAll(log.Reader(wal.Position{}))
	if err != nil {
		return err
	}
	h.seen(records, rec.Appendable || !isTrouble(rec.Reason))
	if err := l.openCursor(); err != nil {
		return err
	}
	if !rec.Appendable {
		if err := l.roll(); errors.Is(err, crashfs.ErrCrashed) {
			return err
		}
	}
	for _, step := range steps {
		if err := l.step(step); errors.Is(err, crashfs.ErrCrashed) {
			return err
		}
	}
	return errors.Join(l.cursor.Close(), l.log.Close())
}

// seen makes what the program reads after its start as good as acknowledged: it
// will act on it. If Open had to say that it could not sync, that stays unproven.
func (h *history) seen(records []wal.Record, synced bool) {
	for i := range h.attempts {
		a := &h.attempts[i]
		if len(records) > 0 && bytes.Equal(records[0].Payload, a.payload) {
			a.unproven = a.unproven || !a.acked && !synced
			a.acked = !a.unproven
			a.segment = records[0].Pos.Segment
			records = records[1:]
		}
	}
}

func (l *life) openCursor() error {
	cursor, err := wal.OpenCursor(l.dir, cursorOfHistory)
	if err != nil {
		return err
	}
	l.cursor = cursor
	pos, err := cursor.Load()
	if err == nil {
		l.h.cursor, l.h.tried = pos, nil
	}
	return nil
}

func (l *life) step(step rune) error {
	switch step {
	case 'R':
		return l.roll()
	case 'a':
		err := l.append()
		if err == nil || errors.Is(err, crashfs.ErrCrashed) {
			return err
		}
		if err := l.roll(); err != nil {
			return err
		}
		return l.append()
	case 'c':
		end := l.log.End()
		if err := l.cursor.Store(end); err != nil {
			l.h.tried = append(l.h.tried, end)
			return err
		}
		l.h.cursor, l.h.tried = end, nil
	case 'x':
		if segments := l.log.Segments(); len(segments) > 1 {
			l.h.removed[segments[0].Number] = true
			return l.log.Remove(segments[0].Number)
		}
	}
	return nil
}

// try begins an attempt: the payload is its number and a size that depends on
// it, up to several sectors.
func (h *history) try(kind string) *attempt {
	id := len(h.attempts)
	payload := fmt.Appendf(nil, "%s %d ", kind, id)
	size := []int{0, 40, 700, 5, 1500}[id%5]
	for i := range size {
		payload = append(payload, byte(i*id))
	}
	h.attempts = append(h.attempts, attempt{payload: payload, life: h.life})
	return &h.attempts[id]
}

func (l *life) append() error {
	a := l.h.try("record")
	pos, err := l.log.Append(a.payload)
	a.acked, a.segment = err == nil, pos.Segment
	return err
}

func (l *life) roll() error {
	a := l.h.try("head")
	err := l.log.Roll(a.payload)
	a.acked, a.segment = err == nil, l.log.End().Segment
	return err
}

// check opens what a crash has left and holds it against the history.
func (h *history) check(tb testing.TB, dir wal.FS) {
	tb.Helper()
	log, rec, err := wal.Open(dir, wal.Options{})
	if err != nil {
		h.fail(tb, "a crash made Open fail: %v", err)
	}
	defer func() { _ = log.Close() }()
	records, lost, err := readAll(log.Reader(wal.Position{}))
	if err != nil {
		h.fail(tb, "reading: %v", err)
	}
	unowed := h.compare(tb, records)
	if lost > unowed {
		h.fail(tb, "%d records are reported lost, %d could be; recovery %+v", lost, unowed, rec)
	}
	h.checkCursor(tb, dir, log, records)
}

// compare checks that everything acknowledged is there, once and in order, and
// nothing that was given up. It returns how many attempts need not be there.
func (h *history) compare(tb testing.TB, records []wal.Record) (unowed uint64) {
	tb.Helper()
	superseded := make([]bool, len(h.attempts)) // a later attempt of the same life was acknowledged
	for i := len(h.attempts) - 2; i >= 0; i-- {
		next := h.attempts[i+1]
		superseded[i] = next.life == h.attempts[i].life && (next.acked || superseded[i+1])
	}
	i := 0
	for at, a := range h.attempts {
		found := i < len(records) && bytes.Equal(records[i].Payload, a.payload)
		switch {
		case found:
			i++
			if !a.acked && superseded[at] {
				h.fail(tb, "%.12q was given up, and is delivered", a.payload)
			}
		case a.acked && !h.removed[a.segment]:
			h.fail(tb, "%.12q was acknowledged, and is lost (%d of %d records fit)", a.payload, i, len(records))
		}
		if !a.acked || h.removed[a.segment] {
			unowed++
		}
	}
	if i < len(records) {
		h.fail(tb, "%.12q is out of order", records[i].Payload)
	}
	return unowed
}

// checkCursor checks that the cursor is where it was stored, or was being stored, and reads on from there.
func (h *history) checkCursor(tb testing.TB, dir wal.FS, log *wal.Log, records []wal.Record) {
	tb.Helper()
	pos, err := wal.ReadCursor(dir, cursorOfHistory)
	switch {
	case err != nil && h.cursor == wal.Position{}:
		return
	case err != nil:
		h.fail(tb, "a crash cost the cursor: %v", err)
	case pos != h.cursor && !slices.Contains(h.tried, pos):
		h.fail(tb, "the cursor is at %v, was stored at %v, and being stored at %v", pos, h.cursor, h.tried)
	}
	for len(records) > 0 && records[0].Pos.Compare(pos) < 0 {
		records = records[1:]
	}
	rest, _, err := readAll(log.Reader(pos))
	if err != nil {
		h.fail(tb, "reading from %v: %v", pos, err)
	}
	if len(rest) != len(records) {
		h.fail(tb, "read %d records from the cursor at %v, %d are behind it", len(rest), pos, len(records))
	}
	for i := range rest {
		if !bytes.Equal(rest[i].Payload, records[i].Payload) {
			h.fail(tb, "record %d behind the cursor differs", i)
		}
	}
}

// readAll reads to the end, and keeps the payloads.
func readAll(r *wal.Reader) (records []wal.Record, lost uint64, err error) {
	defer func() { _ = r.Close() }()
	for {
		rec, err := r.Next()
		if damage, ok := errors.AsType[*wal.Damage](err); ok {
			lost += damage.Lost
			continue
		}
		if errors.Is(err, io.EOF) {
			return records, lost, nil
		}
		if err != nil {
			return records, lost, err
		}
		rec.Payload = bytes.Clone(rec.Payload)
		records = append(records, rec)
	}
}

// clone lets several futures begin at one history.
func (h *history) clone() *history {
	c := *h
	c.attempts, c.tried = slices.Clone(h.attempts), slices.Clone(h.tried)
	c.removed = maps.Clone(h.removed)
	return &c
}

func (h *history) fail(tb testing.TB, format string, args ...any) {
	tb.Helper()
	tb.Fatalf("%s: %s", h.label, fmt.Sprintf(format, args...))
}

func newHistory() *history { return &history{removed: map[uint64]bool{}} }

// future is a state that a crash may leave.
type future struct {
	name string
	dir  *crashfs.FS
}

// futures are the program killed, and the power lost in all ways.
func futures(dir *crashfs.FS, rng *rand.Rand) []future {
	states := []future{{"killed", dir.Kill()}, {"killed, then power lost", dir.Kill().Restart(crashfs.KeepRandom, rng)}}
	for _, keep := range crashfs.Keeps() {
		states = append(states, future{"power lost, kept " + keep.String(), dir.Restart(keep, rng)})
	}
	return states
}
