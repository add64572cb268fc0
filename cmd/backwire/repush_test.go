package main

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
	"backwire/remotewrite/rejected"
)

// picky refuses the samples of some metrics. It is a database with a window for late samples, which has a sample that comes again once, or
// with none.
func picky(window time.Duration, names ...string) receiver.Options {
	return receiver.Options{Ordered: true, OutOfOrder: window, Poison: func(s *receiver.Series, _ receiver.Point) error {
		for _, name := range names {
			if s.Name() == name {
				return errors.New("no room for " + name)
			}
		}
		return nil
	}}
}

// kept are the samples in a queue's rejected store, by metric.
func kept(t *testing.T, dir string) map[string]int {
	t.Helper()
	samples := map[string]int{}
	for r, err := range rejected.Read(dir) {
		if err != nil {
			t.Errorf("in the store: %v", err)
		}
		for _, s := range r.Series {
			samples[s.Name] += len(s.Points)
		}
	}
	return samples
}

// What is pushed again goes out beside an agent that runs and keeps new refusals at the same time. Nothing is lost of what
// the one or the other keeps, and in the end every sample is where it belongs, once.
func TestRejectedArePushedBesideTheAgent(t *testing.T) {
	t.Parallel()
	const mended, still = "nbu_up", "backwire_queue_bytes"
	dir := t.TempDir()
	r := receiver.New(picky(time.Hour, mended, still))
	push := httptest.NewServer(r)
	t.Cleanup(push.Close)
	primary := startPrimary(t, dir, "--history", "20", "--history-span", "1m", "--jobs-per-minute", "60")
	env := agentEnv(t, dir, primary, push.URL)
	queue := filepath.Join(dir, "queue")
	if err := os.Mkdir(queue, 0o700); err != nil { // or the store is looked for before it is there
		t.Fatal(err)
	}
	running := start(t, env, buildPrograms(t).backwire, "run")
	refused := func(name string, least int) {
		t.Helper()
		await(t, name+" is refused", func() error { return grown(int64(kept(t, queue)[name]), int64(least)) })
	}
	again := func(want string) *process {
		t.Helper()
		p := start(t, env, buildPrograms(t).backwire, "queue", "rejected", "--push")
		<-p.ended
		if !strings.Contains(p.output(), want) {
			t.Errorf("it does not say %q:\n%s", want, p.output())
		}
		return p
	}
	refused(mended, 3)
	refused(still, 3)

	// One of two is mended, in a receiver that takes nothing older than it has: what has newer samples stays, and it is said why.
	r.Set(picky(0, still))
	await(t, "newer samples are there", func() error { return grown(int64(len(r.Select(mended))), 1) })
	before := kept(t, queue)[mended]
	if p := again("rejected"); p.err == nil || kept(t, queue)[mended] < before {
		t.Errorf("of %d samples %d are kept; ended with %v", before, kept(t, queue)[mended], p.err)
	}
	// With a window for late samples all of it is taken.
	r.Set(picky(time.Hour, still))
	if p := again("no room for " + still); p.err == nil {
		t.Error("what is refused again is no failure")
	}
	if left := kept(t, queue); left[mended] != 0 || left[still] < 3 {
		t.Errorf("kept are %v", left)
	}
	refused(still, kept(t, queue)[still]+2) // the agent writes on into the same store
	r.Set(picky(time.Hour))
	await(t, "newer samples are there", func() error { return grown(int64(len(r.Select(still))), 1) })
	if p := again("rejections accepted now, 0 samples rejected again"); p.err != nil || len(kept(t, queue)) > 0 {
		t.Errorf("%v is left; ended with %v", kept(t, queue), p.err)
	}
	if err := running.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	for _, name := range []string{mended, still} {
		withoutGap(t, r, name)
	}
}

// withoutGap wants a sample a second of a metric, each once.
func withoutGap(t *testing.T, r *receiver.Receiver, name string) {
	t.Helper()
	for _, s := range r.Select(name) {
		times := map[int64]int{}
		first, last := s.Points[0].T, s.Points[0].T
		for _, p := range s.Points {
			times[p.T]++
			first, last = min(first, p.T), max(last, p.T)
		}
		for at := first; at <= last; at += 1000 {
			if times[at] != 1 {
				t.Errorf("%s has %d samples at %d", s.Key(), times[at], at)
			}
		}
		if len(times) < 5 {
			t.Errorf("%s has only %d samples", s.Key(), len(times))
		}
	}
}
