package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backwire/agent/page"
	"backwire/remotewrite/bundle"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/send"
)

// committed is what was once read from a queue's directory: each series' values, as their bits, by time.
type committed struct {
	series map[string]map[int64]uint64
	points int
	newest int64 // ms since the epoch
}

// read adds what a queue holds since the newest sample that is known. It goes by way of a bundle, so without
// cursor and lock, and changes nothing. A sample that is known must not have become another.
func (c *committed) read(t *testing.T, queue string) *bundle.Manifest {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	m, err := bundle.Export(t.Context(), queue, dir, bundle.ExportOptions{Since: time.UnixMilli(c.newest)})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := bundle.NewMedium(nil).Open(t.Context(), dir, func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	held := receiver.New(receiver.Options{})
	server := httptest.NewServer(held)
	defer server.Close()
	to := send.Config{Name: "test", URL: server.URL, Protocol: "2.0", MaxSamples: 100_000}
	_, err = bundle.Send(t.Context(), to, nil, slog.New(slog.DiscardHandler), func(int64, int64) {})
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		t.Fatal(err)
	}
	for _, s := range data(held) {
		c.add(t, &s)
	}
	return m
}

func (c *committed) add(t *testing.T, s *receiver.Series) {
	t.Helper()
	if c.series == nil {
		c.series = map[string]map[int64]uint64{}
	}
	known := c.series[s.Key()]
	if known == nil {
		known = map[int64]uint64{}
		c.series[s.Key()] = known
	}
	for _, p := range s.Points {
		bits := math.Float64bits(p.V)
		if old, ok := known[p.T]; ok && old != bits {
			t.Fatalf("%s was %x at %d and is %x", s.Key(), old, p.T, bits)
		} else if !ok {
			c.points++
		}
		known[p.T] = bits
		c.newest = max(c.newest, p.T)
	}
}

// arrived holds that a receiver has each of the points, once and with its value, and no other.
func (c *committed) arrived(t *testing.T, r *receiver.Receiver) {
	t.Helper()
	if got := points(r); got != uint64(c.points) {
		t.Errorf("%d points arrived, %d were committed", got, c.points)
	}
	missing := maps.Clone(c.series)
	for _, s := range data(r) {
		left := maps.Clone(c.series[s.Key()])
		for _, p := range s.Points {
			if bits, ok := left[p.T]; !ok || bits != math.Float64bits(p.V) {
				t.Errorf("%s has %v, which was not committed", s.Key(), p)
			}
			delete(left, p.T)
		}
		if len(left) == 0 {
			delete(missing, s.Key())
		}
	}
	for key := range missing {
		t.Errorf("not everything of %s has arrived", key)
	}
}

// awaitDelivery waits until a receiver has as many samples as were committed, and the primary's counts.
func awaitDelivery(t *testing.T, r *receiver.Receiver, s *primaryServer, env []string) {
	t.Helper()
	await(t, "everything has arrived", func() error {
		if got, want := completedAt(r), s.truth(t); !maps.Equal(got, want) {
			return fmt.Errorf("got  %v\nwant %v", got, want)
		}
		if got, want := points(r), agentStatus(t, env).Queue.Samples; got != want {
			return fmt.Errorf("%d of %d committed samples are at the receiver", got, want)
		}
		return nil
	})
}

// nothingLost holds that an agent still runs and has given up nothing.
func nothingLost(t *testing.T, p *process, env []string) {
	t.Helper()
	for _, loss := range agentStatus(t, env).Queue.Losses {
		t.Errorf("lost: %+v", loss)
	}
	select {
	case <-p.ended:
		t.Errorf("the agent ended by itself: %v", p.err)
	default:
	}
}

// nothingRefused holds that a receiver has every point that it refused: these came twice. A canary of the past is a question, whether
// the receiver takes what is so old, or a sample's time behind what it has, and this one does not; one of now must be taken.
func nothingRefused(t *testing.T, r *receiver.Receiver) {
	t.Helper()
	ofSample := map[int64]bool{}
	for _, s := range data(r) {
		for _, p := range s.Points {
			ofSample[p.T] = true
		}
	}
	for _, refused := range r.Refusals() {
		past := ofSample[refused.Point.T] || refused.Point.T <= refused.Time.Add(-time.Minute).UnixMilli()
		if question := past && strings.HasPrefix(refused.Series, "backwire_canary{"); !refused.Held && !question {
			t.Errorf("refused and not there: %s %v: %s", refused.Series, refused.Point, refused.Reason)
		}
	}
}

// completedAt is what the receiver says of jobs that ended.
func completedAt(r *receiver.Receiver) map[completedKey]int64 {
	counts := map[completedKey]int64{}
	for _, s := range r.Select("nbu_jobs_completed_total") {
		if n := int64(s.Last().V); n != 0 {
			counts[completedKey{s.Label("job_type"), s.Label("policy_type"), s.Label("status")}] += n
		}
	}
	return counts
}

// agentStatus is what a running agent says of itself; it waits until one does.
func agentStatus(t *testing.T, env []string) (status page.Status) {
	t.Helper()
	await(t, "the agent's status", func() (err error) {
		status, err = askStatus(env)
		return err
	})
	return status
}

// askStatus is what an agent says of itself at this moment.
func askStatus(env []string) (status page.Status, err error) {
	address := settings(strings.Join(env, "\n"))["BACKWIRE_LISTEN"]
	body, err := fetch(http.DefaultClient, "http://"+address+"/status.json")
	if err != nil {
		return status, err
	}
	return status, json.Unmarshal(body, &status)
}
