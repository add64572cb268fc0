package queue

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

// modelEndpoint reads the queue, in one lane or in two, and compares.
type modelEndpoint struct {
	name    string
	rand    *rand.Rand
	sub     *Subscription
	places  map[wal.Position]int // how many records of the model lie before each place that its cursor may have
	sent    []int                // how often each record was read to be sent
	stored  []bool               // which of them have their verdict for good
	next    [2]int               // the record that each lane reads next, by wal.Lane; the only lane is the live one
	held    *modelWindow         // of the past, without a verdict yet
	torn    int                  // splits that were cut off, which may leave half a head
	records [][]testkit.Wanted   // of the model, as far as the endpoint has seen them
}

// modelWindow is records that were read.
type modelWindow struct {
	window.Window
	from, to int
}

func newModelEndpoints(names ...string) []*modelEndpoint {
	var endpoints []*modelEndpoint
	for i, name := range names {
		endpoints = append(endpoints, &modelEndpoint{name: name, rand: rand.New(rand.NewPCG(uint64(i), 6)), places: map[wal.Position]int{}})
	}
	return endpoints
}

// subscribe goes on where the cursor is, which is where it was stored or about to be.
func (e *modelEndpoint) subscribe(t *testing.T, q *Queue) error {
	t.Helper()
	sub, err := q.Subscribe(e.name, true)
	if err != nil {
		return err
	}
	e.sub, e.held = sub, nil
	e.next = [2]int{e.find(t, sub.places.At), e.find(t, sub.places.Newest())}
	passed := make([]bool, len(e.stored)) // by the cursor
	for i := range min(e.next[wal.Past], len(passed)) {
		passed[i] = true
	}
	for _, p := range sub.places.Passed {
		for i := e.find(t, p.From); i < e.find(t, p.To); i++ {
			passed[i] = true
		}
	}
	for i := range passed {
		switch {
		case e.stored[i] && !passed[i]:
			t.Fatalf("%s: record %d was stored and is to be sent again: %+v", e.name, i, sub.places)
		case passed[i] && e.sent[i] == 0 && len(e.records[i]) > 0: // without samples there is nothing to send
			t.Fatalf("%s: record %d is passed and was not sent: %+v", e.name, i, sub.places)
		}
		e.stored[i] = passed[i]
	}
	return nil
}

// find is how many records lie before a place.
func (e *modelEndpoint) find(t *testing.T, at wal.Position) int {
	t.Helper()
	n, known := e.places[at]
	if !known && slices.Contains(e.stored, true) {
		t.Fatalf("%s: the cursor is at %v, where it never was", e.name, at)
	}
	e.places[at] = n
	return n
}

// drain reads up to the given number of windows and compares them with the model.
func (e *modelEndpoint) drain(t *testing.T, records [][]testkit.Wanted, windows, limit int) error {
	t.Helper()
	e.records = records
	for len(e.stored) < len(records) {
		e.stored, e.sent = append(e.stored, false), append(e.sent, 0)
	}
	for range windows {
		w, err := e.read(t, records, limit)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = e.verdict(t, w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads a window from the lane that goes first, or from the other.
func (e *modelEndpoint) read(t *testing.T, records [][]testkit.Wanted, limit int) (*modelWindow, error) {
	t.Helper()
	w, err := e.fill(t, wal.Live, records, limit)
	if !errors.Is(err, io.EOF) {
		return w, err
	}
	if w = e.held; w != nil {
		e.held = nil
		return w, nil
	}
	return e.fill(t, wal.Past, records, limit)
}

func (e *modelEndpoint) fill(t *testing.T, lane wal.Lane, records [][]testkit.Wanted, limit int) (*modelWindow, error) {
	t.Helper()
	w := new(modelWindow)
	before := e.sub.places.Passed
	var err error
	if lane == wal.Live {
		err = e.sub.Fill(&w.Window, limit)
	} else {
		err = e.sub.FillPast(&w.Window, limit)
	}
	for _, p := range before[:len(before)-min(len(before), len(e.sub.places.Passed))] { // has arrived, behind records without samples
		for i := e.next[wal.Past]; i < e.find(t, p.From); i++ {
			if len(records[i]) > 0 {
				t.Fatalf("%s: record %d is passed and was not sent", e.name, i)
			}
			e.sent[i]++
			e.stored[i] = true
		}
		e.next[wal.Past] = e.find(t, p.To)
	}
	if lane == wal.Past && errors.Is(err, io.EOF) {
		return w, err
	}
	w.from = e.next[lane]
	w.to = w.from + w.Records
	if w.to > len(records) {
		t.Fatalf("%s: %d records beyond the %d of the model", e.name, w.to-len(records), len(records))
	}
	e.places[w.Next] = w.to
	want := slices.Concat(records[w.from:w.to]...)
	slices.SortFunc(want, testkit.CompareWanted)
	if got := testwindow.Wanted(t, &w.Window); !slices.Equal(got, want) {
		t.Fatalf("%s: records %d to %d have\n%v too many and\n%v too few", e.name, w.from, w.to, testkit.Without(got, want), testkit.Without(want, got))
	}
	for i := w.from; i < w.to; i++ {
		if e.stored[i] {
			t.Fatalf("%s: record %d is sent again", e.name, i)
		}
		e.sent[i]++
	}
	e.next[lane] = w.to
	if errors.Is(err, io.EOF) { // what has no samples is passed at once
		e.store(w)
	}
	return w, err
}

// verdict moves the cursor behind a window, or splits the place first, or leaves a window of the past for later.
func (e *modelEndpoint) verdict(t *testing.T, w *modelWindow) error {
	t.Helper()
	if !w.Past && e.sub.past == nil && e.rand.IntN(4) == 0 {
		split, err := e.split(t, false)
		if split {
			w.Past, e.next[wal.Past], e.held = true, w.to, w
		}
		if split || err != nil {
			return err
		}
	}
	if w.Past && e.held == nil && e.rand.IntN(3) == 0 {
		e.held = w
		return nil
	}
	if err := e.sub.Advance(&w.Window, nil); err != nil {
		return err
	}
	e.store(w)
	if w.Past && e.sub.past != nil {
		e.next[wal.Past] = e.find(t, e.sub.places.At)
	}
	if !w.Past && e.sub.past != nil && e.rand.IntN(4) == 0 {
		_, err := e.split(t, true)
		return err
	}
	return nil
}

// received is how many records have their verdict for good.
func (e *modelEndpoint) received() (n int) {
	for _, stored := range e.stored {
		if stored {
			n++
		}
	}
	return n
}

func (e *modelEndpoint) store(w *modelWindow) {
	for i := w.from; i < w.to; i++ {
		e.stored[i] = true
	}
}

// split has the live lane begin behind all that is in the log.
func (e *modelEndpoint) split(t *testing.T, second bool) (bool, error) {
	t.Helper()
	q := e.sub.queue
	n := len(e.stored) - int(q.Stats().Pending.Records)
	next := q.log.End().Segment // where the split is if it is durable although it fails
	if q.packer.Had.Records > 0 || q.rolling {
		next++
	}
	e.places[wal.Position{Segment: next}], e.places[wal.Position{Segment: next + 1}] = n, n
	split, err := e.sub.Split(!second)
	if errors.Is(err, errCrowded) || errors.Is(err, errWaiting) {
		return false, nil
	}
	if err != nil {
		e.torn++
	}
	if split {
		e.next[wal.Live] = n
		e.places[e.sub.places.Newest()] = n
	}
	return split, err
}
