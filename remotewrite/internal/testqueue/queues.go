// Package testqueue opens queues for the tests of whoever uses one.
package testqueue

import (
	"testing"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/wal"
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
