package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
)

// backlog is what the receiver is down for.
const backlog = 300_000

// A backlog that was committed while the receiver was down arrives whole, each point once and in
// order, although the agent was ended in between. Other senders lose all of it.
func TestBacklogSurvivesTheAgentsEnd(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			testBacklog(t, signal)
		})
	}
}

func testBacklog(t *testing.T, signal syscall.Signal) {
	dir := t.TempDir()
	r, push := startReceiver(t)
	r.Always(&receiver.Answer{Status: http.StatusServiceUnavailable})
	primary := startPrimary(t, dir, "--history", "400", "--history-span", "55m", "--jobs-per-minute", "0", "--storage-units", "2000")
	env := agentEnv(t, dir, primary, push)
	backwire := buildPrograms(t).backwire

	agent := start(t, env, backwire, "run")
	committed := uint64(0)
	await(t, "the backlog is committed", func() (err error) {
		committed, err = samplesIn(t.Context(), filepath.Join(dir, "queue"))
		if err == nil && committed < backlog {
			err = fmt.Errorf("%d samples are", committed)
		}
		return err
	})
	if err := agent.end(signal); signal == syscall.SIGTERM && err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	committed, err := samplesIn(t.Context(), filepath.Join(dir, "queue"))
	if err != nil {
		t.Fatal(err)
	}

	r.Always(nil)
	start(t, env, backwire, "run")
	await(t, "the backlog arrives", func() error {
		if got := points(r); got < committed {
			return fmt.Errorf("%d of %d samples have arrived", got, committed)
		}
		return nil
	})
	for _, request := range r.Requests() {
		question := strings.HasPrefix(request.Reason, "backwire_canary") // how late the receiver takes samples
		if request.Status >= 400 && request.Status != http.StatusServiceUnavailable && !question {
			t.Errorf("a request was refused with %d: %s", request.Status, request.Reason)
		}
	}
	t.Logf("%d samples were committed, %d arrived", committed, points(r))
}

func samplesIn(ctx context.Context, dir string) (uint64, error) {
	found, err := queue.Verify(ctx, dir, func(int64, int64) {})
	var n uint64
	for _, s := range found.Segments {
		n += s.Samples
	}
	return n, err
}

func points(r *receiver.Receiver) uint64 {
	var n uint64
	for _, s := range data(r) {
		n += uint64(len(s.Points))
	}
	return n
}
