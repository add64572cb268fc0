package main

import (
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
)

// takeover is the longest time from the end of one agent to the first request of the other.
const takeover = 10 * time.Second

// Two agents share a queue's directory. One is killed; the other goes on within seconds, with the same
// counters: no job is counted twice or not at all, and no point is out of order.
func TestStandbyTakesOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, push := startReceiver(t)
	primary := startPrimary(t, dir, "--history", "50", "--history-span", "10m", "--jobs-per-minute", "120")
	env := agentEnv(t, dir, primary, push)
	page := freePort(t)
	backwire := buildPrograms(t).backwire

	active := start(t, env, backwire, "run")
	await(t, "the active agent counts", func() error { return grown(counted(r), 50) })
	manager := newServiceManager(t)
	standby := start(t, append(env, "BACKWIRE_LISTEN="+page, "NOTIFY_SOCKET="+manager.path, "WATCHDOG_USEC=4000000", "BACKWIRE_RUN_STANDBY=true"), backwire, "run")
	manager.expect(t, "READY=1", "STATUS=standby: waiting for the queue.*")
	manager.expect(t, "WATCHDOG=1")
	await(t, "the standby waits", func() error {
		res, err := http.Get("http://" + page + "/-/ready")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(standby.output(), "standby: waiting for the queue") {
			return errors.New(res.Status)
		}
		return nil
	})
	answers(t, "http://"+page+"/-/healthy")

	killed := time.Now()
	_ = active.end(syscall.SIGKILL)
	before := len(r.Requests())
	await(t, "the standby sends", func() error {
		if len(r.Requests()) == before {
			return errors.New("no request has come")
		}
		return nil
	})
	if took := r.Requests()[before].Time.Sub(killed); took > takeover {
		t.Errorf("took over after %v", took)
	}
	answers(t, "http://"+page+"/-/ready")
	await(t, "the standby counts on", func() error { return grown(counted(r), total(primary.truth(t))) })
	if got, truth := counted(r), total(primary.truth(t)); got > truth {
		t.Errorf("counted %d of %d jobs", got, truth)
	}
	for _, s := range r.Select("nbu_jobs_completed_total") {
		for i := 1; i < len(s.Points); i++ {
			if s.Points[i].V < s.Points[i-1].V {
				t.Fatalf("%s fell from %v to %v", s.Key(), s.Points[i-1], s.Points[i])
			}
		}
	}
	for _, request := range r.Requests() {
		if request.Status >= 400 {
			t.Errorf("a request was refused with %d: %s", request.Status, request.Reason)
		}
	}
}

// counted is what the newest points say, parents included.
func counted(r *receiver.Receiver) int64 {
	var n int64
	for _, s := range r.Select("nbu_jobs_completed_total") {
		n += int64(s.Last().V)
	}
	return n
}
