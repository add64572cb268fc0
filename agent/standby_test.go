package agent

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/queue"
)

// While another has the queue, or its directory is not there, a standby is well but not ready; it takes over when
// that has changed, and a stop is a clean one.
func TestStandbyWaits(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "queue")
	synctest.Test(t, func(t *testing.T) {
		a := (&works{}).agent(t, "BACKWIRE_QUEUE_DIR="+dir, "BACKWIRE_SELF_METRICS=false")
		a.Standby()
		waits := func(why string) {
			t.Helper()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if err := a.Ready(); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("ready says %v, want %q", err, why)
			}
			if err := a.Healthy(); err != nil {
				t.Errorf("healthy says %v: waiting is no fault", err)
			}
		}
		opened := make(chan *agentRuntime, 1)
		ctx, stop := context.WithCancel(t.Context())
		open := a.open
		ended := make(chan error, 1)
		a.open = func(ctx context.Context) (*agentRuntime, error) {
			p, err := open(ctx)
			if err == nil {
				opened <- p
				stop()
			}
			return p, err
		}
		go func() { ended <- a.Run(ctx) }()
		waits("it does not exist")
		if _, err := os.Stat(dir); err == nil {
			t.Fatal("the standby has made the directory: where a disk is not mounted that begins a second queue")
		}
		other, err := queue.Open(dir, queue.Options{})
		if err != nil {
			t.Fatal(err)
		}
		waits("in use by another program")
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		<-opened
		if took := time.Since(began); took > standbyPoll {
			t.Errorf("took over after %v", took)
		}
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestStandbyStopsWhileItWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := (&works{}).agent(t, "BACKWIRE_QUEUE_DIR="+filepath.Join(t.TempDir(), "queue"))
		a.Standby()
		if took := stopAfter(t, a, 3*time.Second); took > standbyPoll {
			t.Errorf("the end took %v", took)
		}
	})
}

// What is no matter of waiting is told at once.
func TestStandbyRefusesWhatWaitingDoesNotMend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	a := (&works{}).agent(t, "BACKWIRE_QUEUE_DIR="+dir)
	a.Standby()
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("Run = %v", err)
	}
}
