package queue

import (
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal/crashfs"
	"backwire/remotewrite/window"
)

// balanced is an endpoint of which each record has one ending: received, lost, or owed.
type balanced struct {
	name string
	sub  *Subscription
	got  record.Totals  // that were passed for good
	lost record.Totals  // in earlier lives
	held *window.Window // of the past, that has no verdict yet
}

// act reads, delivers, splits or leaves something for later.
func (b *balanced) act(t *testing.T, r *rand.Rand) {
	t.Helper()
	w := new(window.Window)
	err := b.sub.Fill(w, 1+r.IntN(400))
	if errors.Is(err, io.EOF) {
		b.count(w) // records without samples are passed at once
		if w, err = b.held, nil; w == nil {
			w = new(window.Window)
			err = b.sub.FillPast(w, 1+r.IntN(400))
		}
		b.held = nil
		if errors.Is(err, io.EOF) {
			return
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if !w.Past && b.sub.past == nil && r.IntN(3) == 0 && b.split(t, false) {
		w.Past, b.held = true, w
		return
	}
	if w.Past && r.IntN(3) == 0 {
		b.held = w
		return
	}
	if err := b.sub.Advance(w, nil); err != nil {
		t.Fatal(err)
	}
	b.count(w)
	if !w.Past && b.sub.past != nil && r.IntN(4) == 0 {
		b.split(t, true)
	}
}

func (b *balanced) count(w *window.Window) {
	b.got = b.got.Plus(record.Totals{Records: uint64(w.Records), Samples: uint64(w.Samples)})
}

func (b *balanced) split(t *testing.T, second bool) bool {
	t.Helper()
	split, err := b.sub.Split(!second)
	if err != nil && !errors.Is(err, errCrowded) && !errors.Is(err, errWaiting) {
		t.Fatal(err)
	}
	return split
}

// Committed is received, lost and owed, to the record and the sample, at every moment: endpoints in one lane, two, and with
// stretches between them, while limits take the oldest segments, others take what everyone has passed, and the program is killed.
func TestLanesBalance(t *testing.T) {
	for seed := range testkit.Seeds(t, 60) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 21))
			fs := crashfs.New()
			f := testkit.NewFleet("paris", 20+r.IntN(60), 0.3)
			now := time.UnixMilli(f.T)
			o := Options{MaxBytes: 12_000 + r.Int64N(60_000), SegmentBytes: 1500 + r.Int64N(5000), Endpoints: []string{"a", "b"}, Clock: func() time.Time { return now }}
			if r.IntN(3) == 0 {
				o.MaxAge = time.Duration(10+r.IntN(60)) * time.Minute
			}
			all := []*balanced{{name: "a"}, {name: "b"}}
			lives, splits := 1+r.IntN(5), 0
			for life := range lives {
				q := openTest(t, fs, o)
				for _, b := range all {
					b.sub, b.held = mustSubscribe(t, q, b.name), nil
				}
				busy := r.IntN(4)
				for step := range 120 {
					testkit.Commit(t, q, f, 1)
					now = time.UnixMilli(f.T)
					for _, b := range all {
						for range r.IntN(1 + busy) {
							b.act(t, r)
						}
						splits += len(b.sub.places.Passed)
					}
					balance(t, q, all, step)
				}
				for _, b := range all {
					for life == lives-1 && b.sub.Done() != q.written() {
						b.act(t, r)
					}
				}
				for _, b := range all {
					for b.held != nil { // what is being sent while its segment is given up counts as received, also if it never is
						b.act(t, r)
					}
				}
				balance(t, q, all, -1)
				for _, b := range all {
					b.lost = b.lost.Plus(lostBy(q, b.name))
				}
				if r.IntN(2) == 0 {
					for _, b := range all {
						testkit.Closed(t, b.sub)
					}
					testkit.Closed(t, q)
				}
				fs = fs.Kill()
			}
		})
	}
}

// lostBy is what an endpoint lost in this life, for whatever reason.
func lostBy(q *Queue, name string) (sum record.Totals) {
	for _, l := range q.Stats().Losses {
		if l.Endpoint == name {
			sum = sum.Plus(l.Totals)
		}
	}
	return sum
}

func balance(t *testing.T, q *Queue, all []*balanced, step int) {
	t.Helper()
	s := q.Stats()
	for _, b := range all {
		c := s.Cursor(b.name)
		if sum := b.got.Plus(b.lost).Plus(lostBy(q, b.name)).Plus(c.Lag); sum != s.Written {
			t.Fatalf("step %d: %s received %v and lost %v, %v are owed: %v of %v written; %+v", step, b.name, b.got, b.lost.Plus(lostBy(q, b.name)), c.Lag, sum, s.Written, b.sub.places)
		}
		if c.Past.Samples > c.Lag.Samples || (b.sub.past == nil) != (c.Past == record.Totals{}) && b.sub.past == nil {
			t.Fatalf("step %d: %s: %v of %v are the past's", step, b.name, c.Past, c.Lag)
		}
	}
}
