package agent

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func newHistory() *history { return &history{observe: func(time.Duration) {}} }

func TestReadyAfterTheFirstCycle(t *testing.T) {
	t.Parallel()
	h := newHistory()
	wants := func(word string) {
		t.Helper()
		err := h.ready()
		if (err == nil) != (word == "") || err != nil && !strings.Contains(err.Error(), word) {
			t.Errorf("ready: %v, want %q", err, word)
		}
	}
	wants("first cycle is not finished")
	h.start(time.Now())
	wants("first cycle is not finished")
	h.finish(outcome{err: errors.New("login"), panicked: true})
	wants("")
	h.finish(outcome{refused: 1, err: errors.New("disk full")})
	wants("disk full")
	h.finish(outcome{commits: 1})
	wants("")
}

func TestHealthyUntilACycleIsStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHistory()
		h.start(time.Now())
		time.Sleep(time.Minute + stuckAfter)
		if err := h.healthy(time.Minute); err != nil {
			t.Errorf("within its limit: %v", err)
		}
		time.Sleep(time.Second)
		if err := h.healthy(time.Minute); err == nil || !strings.Contains(err.Error(), "1m31s") {
			t.Errorf("beyond its limit: %v", err)
		}
		h.finish(outcome{err: errors.New("timeout")})
		if err := h.healthy(time.Minute); err != nil {
			t.Errorf("after it ended: %v", err)
		}
	})
}

func TestRecentCyclesAreBounded(t *testing.T) {
	t.Parallel()
	h := newHistory()
	for i := range 3 * recentCycles {
		h.finish(outcome{samples: i})
	}
	recent := h.status().Recent
	if len(recent) != recentCycles || recent[0].Samples != 3*recentCycles-1 {
		t.Errorf("%d cycles, the newest %+v", len(recent), recent[0])
	}
}
