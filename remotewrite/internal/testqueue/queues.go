// Package testqueue opens, fills and drains queues for the tests of whoever uses one.
package testqueue

import (
	"errors"
	"io"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

// On opens a queue on files, as of a disk that may crash.
func On(tb testing.TB, fs wal.FS, o queue.Options) *queue.Queue {
	tb.Helper()
	q, err := queue.OpenOn(fs, o)
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	return q
}

// In opens a queue in a directory.
func In(tb testing.TB, dir string, o queue.Options) *queue.Queue {
	tb.Helper()
	q, err := queue.Open(dir, o)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// Subscribe is an endpoint's place in a queue, at first the oldest.
func Subscribe(tb testing.TB, q *queue.Queue, name string) *queue.Subscription {
	tb.Helper()
	s, err := q.Subscribe(name, true)
	if err != nil {
		tb.Fatalf("subscribe: %v", err)
	}
	return s
}

// Commit commits so many cycles of a fleet.
func Commit(tb testing.TB, q *queue.Queue, f *testkit.Fleet, n int) {
	tb.Helper()
	for range n {
		if err := q.Commit(f.Cycle()); err != nil {
			tb.Fatal(err)
		}
	}
}

// Drain delivers everything and says how much that was.
func Drain(tb testing.TB, s *queue.Subscription) (got record.Totals) {
	tb.Helper()
	var w window.Window
	for {
		err := s.Fill(&w, 1)
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			tb.Fatal(err)
		}
		got = got.Plus(record.Totals{Records: uint64(w.Records), Samples: uint64(w.Samples)})
		if err := s.Advance(&w, nil); err != nil {
			tb.Fatal(err)
		}
	}
}
