package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/send"
	"backwire/source"
)

// sending is a queue and its endpoint, without an agent: cycles are made up.
type sending struct {
	queue    *queue.Queue
	endpoint *send.Endpoint
	log      *bytes.Buffer

	mu       sync.Mutex
	rejected []send.Rejection
}

func (s *sending) Reject(r send.Rejection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected = append(s.rejected, r)
	return nil
}

// newSending sends from a queue of its own until the test ends.
func newSending(t *testing.T, c send.Config) *sending {
	t.Helper()
	q, err := queue.Open(t.TempDir(), queue.Options{Endpoints: []string{"default"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, q) })
	from, err := q.Subscribe("default", true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, from) })
	s := &sending{queue: q, log: &bytes.Buffer{}}
	c.Name = "default"
	if s.endpoint, err = send.NewEndpoint(c, from, s, slog.New(slog.NewTextHandler(s.log, nil))); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.endpoint.Run(ctx, time.Second) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// commit queues one sample each of so many series of a gauge, the first numbered from.
func (s *sending) commit(t *testing.T, metric string, from, series int, at time.Time, value float64) {
	t.Helper()
	m := &source.Metric{Name: metric, Type: source.Gauge, Help: "Made up."}
	b := source.Batch{T: at.UnixMilli(), Partial: true}
	for i := from; i < from+series; i++ {
		b.Samples = append(b.Samples, source.Sample{Series: source.NewSeries(m, "", 0, source.Label{Name: "n", Value: strconv.Itoa(i)}), Value: value})
	}
	if err := s.queue.Commit(source.Cycle{Site: metric + strconv.Itoa(from), Batches: []source.Batch{b}}); err != nil {
		t.Fatal(err)
	}
}

// settled waits until so many samples have their verdict and returns the stats.
func (s *sending) settled(t *testing.T, samples uint64) send.Stats {
	t.Helper()
	await(t, "samples have their verdict", func() error {
		got := s.endpoint.Stats()
		if got.Samples+got.Rejected["400"]+got.Dropped["too_old_for_receiver"] != samples || got.Pending > 0 {
			return fmt.Errorf("stats %+v", got)
		}
		return nil
	})
	return s.endpoint.Stats()
}

// What a real Prometheus does not take, which over 1.0 stores nothing of a request that it refuses in part, and over 2.0 the rest of it: that
// one sample is given up with its words, and 100 others arrive. What is certainly too old for it is not sent, and kept as what it refuses is. It has no limits of rate or labels, and its limit of size is above any request; those answers are scripted in package
// remotewrite.
func TestPrometheusVerdicts(t *testing.T) {
	t.Parallel()
	prom := startPrometheus(t, t.TempDir())
	protocol := map[bool]string{false: "1.0", true: "2.0"}[receivesV2(t)]
	now := time.Now().Truncate(time.Second)
	for i, c := range []struct {
		words string
		known bool          // the sample's series has a sample of now already
		late  time.Duration // the sample is older than now by
	}{
		{"out of order sample", true, time.Minute},
		{"duplicate sample for timestamp", true, 0},
		{"not sent: older than the receiver accepts", false, 5 * time.Hour},
	} {
		t.Run(c.words, func(t *testing.T) {
			metric := fmt.Sprint("verdict_", i)
			first := newSending(t, send.Config{URL: prom.url + "/api/v1/write"})
			first.commit(t, "newest", 0, 1, now, 0)
			if c.known {
				first.commit(t, metric, 50, 1, now, 1)
			}
			first.settled(t, map[bool]uint64{true: 2, false: 1}[c.known])

			s := newSending(t, send.Config{URL: prom.url + "/api/v1/write"})
			s.commit(t, metric, 50, 1, now.Add(-c.late), 2)
			s.commit(t, metric, 100, 100, now, 3)
			stats := s.settled(t, 101)
			if stats.Protocol != protocol || stats.Rejected["400"]+stats.Dropped["too_old_for_receiver"] != 1 || len(s.rejected) != 1 || !strings.Contains(s.rejected[0].Words, c.words) {
				t.Errorf("stats %+v, rejected %+v", stats, s.rejected)
			}
			if n := stats.Requests["400"]; n > 8 {
				t.Errorf("%d requests were refused for one sample of 101", n)
			}
			wantNumber(t, prom, "sum("+metric+`{n!="50"})`, 300)
		})
	}
}

func wantNumber(t *testing.T, prom *prometheus, question string, want int64) {
	t.Helper()
	rows, err := prom.query(question)
	if err != nil || len(rows) != 1 || rows[0].number() != want {
		t.Errorf("%s is %v, %v; want %d", question, rows, err, want)
	}
}

// bcryptOfRight is the hash of the word right, as Prometheus wants passwords.
const bcryptOfRight = `"$2a$04$ybzAZhZNq3Nom54DGC4Vq.ksANGsP7TlL1JiKCtYrS03T3gmlYPMy"`

// The password is wrong; the endpoint waits and loses nothing. It is put right in its file, and what was queued arrives.
func TestPrometheusUnauthorizedThenAuthorized(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	web := filepath.Join(dir, "web.yml")
	overwrite(t, web, "basic_auth_users: {backwire: "+bcryptOfRight+"}\n")
	prom := startPrometheus(t, dir, "--web.config.file="+web)
	password := filepath.Join(dir, "password")
	overwrite(t, password, "wrong\n")
	s := newSending(t, send.Config{URL: prom.url + "/api/v1/write", Username: "backwire", PasswordFile: password})
	now := time.Now().Truncate(time.Second)
	s.commit(t, "kept", 0, 100, now.Add(-time.Second), 1)
	await(t, "the endpoint pauses", func() error {
		if got := s.endpoint.Stats(); !strings.HasPrefix(got.Paused, "401 Unauthorized") {
			return fmt.Errorf("stats %+v", got)
		}
		return nil
	})
	s.commit(t, "kept", 0, 100, now, 2)
	overwrite(t, password, "right\n")
	s.endpoint.Wake()
	stats := s.settled(t, 200)
	if stats.Requests["401"] != 1 || len(stats.Rejected) > 0 || stats.Paused != "" {
		t.Errorf("stats %+v", stats)
	}
	wantNumber(t, prom, "sum(count_over_time(kept[1m]))", 200)
}

func overwrite(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
