package netbackup

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"backwire/remotewrite/queue"
	"backwire/source"
	"backwire/source/collect"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/due"
	"backwire/source/netbackup/nbusim"
)

// rig is a primary server, an agent's site and what the queue remembers of it.
type rig struct {
	t     testing.TB
	sim   *nbusim.Server
	cfg   SiteConfig
	site  *Site
	store *store
	log   *slog.Logger
	began time.Time
	batch source.Batch // the last whole one
	all   []source.Batch

	queue *queue.Queue // beside the store, where a test wants the real one
	dir   string
}

const minute = time.Minute

func newRig(t testing.TB, o nbusim.Options, change ...func(*SiteConfig)) *rig {
	t.Helper()
	sim, err := nbusim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse("https://primary.example:1556/netbackup")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, sim: sim, store: newStore(t, "paris"), log: slog.New(slog.DiscardHandler), began: time.Now()}
	r.cfg = SiteConfig{
		Client: api.Config{
			Site: "paris", URL: base, Transport: sim.Transport(), Concurrency: 4,
			APIKey: func() (string, error) { return nbusim.DefaultKey, nil },
		},
		Interval: minute,
		Backfill: 24 * time.Hour,
		TimeZone: time.UTC,
	}
	for _, f := range change {
		f(&r.cfg)
	}
	r.start()
	return r
}

// start begins a new life of the agent from what the store remembers.
func (r *rig) start() {
	r.t.Helper()
	checkpoint := r.store.checkpoint()
	if r.dir != "" {
		r.reopen()
		known := r.queue.Checkpoint(r.cfg.Client.Site)
		r.wantSame(checkpoint, known)
		checkpoint = known
	}
	site, err := NewSite(r.cfg, checkpoint, r.log, time.Now)
	if err != nil {
		r.t.Fatal(err)
	}
	r.site = site
	r.t.Cleanup(func() {
		if err := site.Close(context.Background()); err != nil {
			r.t.Log(err)
		}
	})
}

// wantSame asserts that the store remembers what the queue does, and forgets as it does.
func (r *rig) wantSame(store, queue source.Checkpoint) {
	r.t.Helper()
	if !maps.EqualFunc(store.State, queue.State, slices.Equal) {
		r.t.Errorf("the queue's state has the keys %q, the store's %q, or other values", slices.Sorted(maps.Keys(queue.State)), slices.Sorted(maps.Keys(store.State)))
	}
	values := map[string]float64{}
	for _, x := range queue.Series {
		values[x.Series.Key()] = x.Value
	}
	for _, x := range store.Series {
		if v, ok := values[x.Series.Key()]; !ok || v != x.Value {
			r.t.Errorf("%s%v: the store remembers %v, the queue %v (%v)", x.Series.Name, x.Series.Labels, x.Value, v, ok)
		}
		delete(values, x.Series.Key())
	}
	for key := range values {
		r.t.Errorf("the queue remembers %q, which has ended", key)
	}
}

// reopen closes the queue, if it is open, and opens it again as a restart does.
func (r *rig) reopen() {
	r.t.Helper()
	r.closeQueue()
	q, err := queue.Open(r.dir, queue.Options{SegmentBytes: 64 << 10, Logger: r.log})
	if err != nil {
		r.t.Fatal(err)
	}
	r.queue = q
}

func (r *rig) closeQueue() {
	if r.queue == nil {
		return
	}
	if err := r.queue.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// serverClock is a simulated server's, which may be wrong. What is asked beside the cycles reads it while a test sets it.
type serverClock struct{ ahead atomic.Int64 }

func (c *serverClock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *serverClock) set(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

// tick waits for the next multiple of the interval and collects.
func (r *rig) tick() {
	r.t.Helper()
	r.tickFor(r.cfg.Interval)
}

// tickFor collects within a time.
func (r *rig) tickFor(limit time.Duration) {
	r.t.Helper()
	at := time.Now().Truncate(r.cfg.Interval).Add(r.cfg.Interval)
	time.Sleep(time.Until(at))
	ctx, cancel := context.WithTimeout(r.t.Context(), limit)
	defer cancel()
	for c := range r.site.Collect(ctx, at) {
		r.take(c)
	}
}

func (r *rig) take(c source.Cycle) {
	r.store.commit(c)
	if r.queue != nil {
		if err := r.queue.Commit(c); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, b := range c.Batches {
		b.Samples = slices.Clone(b.Samples) // their memory is used again
		r.all = append(r.all, b)
		if !b.Partial {
			r.batch = b
		}
	}
}

// live is the sum of the last whole batch's series of a name with these labels.
func (r *rig) live(name string, labels ...string) (total float64, series int) {
	for _, x := range r.batch.Samples {
		if x.Series.Name == name && hasLabels(x.Series, labels) {
			total += x.Value
			series++
		}
	}
	return total, series
}

// want asserts the value of the one live series with these labels; NaN asserts that there is none.
func (r *rig) want(value float64, name string, labels ...string) {
	r.t.Helper()
	got, n := r.live(name, labels...)
	switch {
	case math.IsNaN(value) && n > 0:
		r.t.Errorf("%s%v is %v, want none", name, labels, got)
	case !math.IsNaN(value) && (n != 1 || got != value):
		r.t.Errorf("%s%v: %d series with the sum %v, want one with %v", name, labels, n, got, value)
	}
}

func none() float64 { return math.NaN() }

// wantTruth compares every durable value with what a perfect counter says.
func (r *rig) wantTruth() {
	r.t.Helper()
	truth := r.sim.Truth()
	var completed float64
	for k, n := range truth.Completed {
		completed += float64(n)
		got := r.store.sum("nbu_jobs_completed_total", "job_type", k.JobType, "policy_type", k.PolicyType,
			"policy", k.Policy, "schedule_type", k.ScheduleType, "result", k.Result,
			"status", itoa(k.Status), "parent", boolean(k.Parent))
		if got != float64(n) {
			r.t.Errorf("completed %+v: %v, want %d", k, got, n)
		}
	}
	if got := r.store.sum("nbu_jobs_completed_total"); got != completed {
		r.t.Errorf("completed in all: %v, want %v", got, completed)
	}
	for k, a := range truth.Work {
		labels := []string{"job_type", k.JobType, "policy_type", k.PolicyType, "policy", k.Policy}
		for name, n := range map[string]int64{
			"nbu_job_bytes_total": a.Bytes, "nbu_job_moved_bytes_total": a.MovedBytes,
			"nbu_job_files_total": a.Files, "nbu_job_retries_total": a.Retries,
		} {
			if got := r.store.sum(name, labels...); got != float64(n) {
				r.t.Errorf("%s %+v: %v, want %d", name, k, got, n)
			}
		}
	}
	for k, d := range truth.Durations {
		r.wantDurations("nbu_job_duration_seconds", k, d.Run, durationBuckets())
		r.wantDurations("nbu_job_queue_wait_seconds", k, d.Wait, waitBuckets())
	}
	for k, c := range truth.Clients {
		r.wantClient(k, c)
	}
	if n := r.store.count("nbu_client_last_attempt_timestamp_seconds"); n != len(truth.Clients) {
		r.t.Errorf("%d clients have series, want %d", n, len(truth.Clients))
	}
}

func (r *rig) wantDurations(name string, k nbusim.DurationKey, truth, bounds []float64) {
	r.t.Helper()
	labels := []string{"job_type", k.JobType, "policy_type", k.PolicyType}
	var sum float64
	for _, v := range truth {
		sum += v
	}
	if got := r.store.sum(name+"_sum", labels...); got != sum {
		r.t.Errorf("%s_sum %+v: %v, want %v", name, k, got, sum)
	}
	if got := r.store.sum(name+"_count", labels...); got != float64(len(truth)) {
		r.t.Errorf("%s_count %+v: %v, want %d", name, k, got, len(truth))
	}
	for i, b := range append(slices.Clone(bounds), math.Inf(1)) {
		n := 0
		for _, v := range truth {
			if v <= b {
				n++
			}
		}
		edge := le(&collect.Family{Buckets: bounds}, i)
		if got := r.store.sum(name+"_bucket", append(slices.Clone(labels), "le", edge)...); got != float64(n) {
			r.t.Errorf("%s_bucket %+v le %s: %v, want %d", name, k, edge, got, n)
		}
	}
}

func (r *rig) wantClient(k nbusim.ClientKey, c nbusim.ClientTruth) {
	r.t.Helper()
	want := map[string]float64{
		"nbu_client_last_attempt_timestamp_seconds": float64(c.LastAttempt.Unix()),
		"nbu_client_last_status":                    float64(c.LastStatus),
		"nbu_client_last_bytes":                     float64(c.LastBytes),
		"nbu_client_consecutive_failures":           float64(c.ConsecutiveFailures),
	}
	for schedule, at := range c.LastSuccess {
		labels := []string{"client", k.Client, "policy", k.Policy, "schedule_type", due.TypeOf(schedule)}
		if got := r.store.sum("nbu_client_last_success_timestamp_seconds", labels...); got != float64(at.End.Unix()) {
			r.t.Errorf("last success %+v %s: %v, want %v", k, schedule, got, at.End.Unix())
		}
	}
	if n := r.store.count("nbu_client_last_success_timestamp_seconds", "client", k.Client, "policy", k.Policy); n != len(c.LastSuccess) {
		r.t.Errorf("%+v has %d successes, want %d", k, n, len(c.LastSuccess))
	}
	for name, v := range want {
		if got := r.store.sum(name, "client", k.Client, "policy", k.Policy); got != v {
			r.t.Errorf("%s %+v: %v, want %v", name, k, got, v)
		}
	}
}
