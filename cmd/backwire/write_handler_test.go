package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	selfmetrics "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"

	"backwire/agent"
	"backwire/agent/page"
	"backwire/source/netbackup/nbusim"
)

// database is Prometheus's own write handler over its own time series database.
type database struct {
	db     *tsdb.DB
	engine *promql.Engine
	url    string
}

// openDatabase takes Remote-Write 2.0 and nothing else.
func openDatabase(t *testing.T) *database {
	t.Helper()
	db, err := tsdb.Open(t.TempDir(), slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, db) })
	accept := []remoteapi.WriteMessageType{remoteapi.WriteV2MessageType}
	server := httptest.NewServer(remote.NewWriteHandler(slog.New(slog.DiscardHandler), selfmetrics.NewRegistry(), db, accept, false, false))
	t.Cleanup(server.Close)
	d := &database{db: db, url: server.URL, engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute})}
	t.Cleanup(func() { closed(t, d.engine) })
	return d
}

func closed(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// completed is what a person would ask Prometheus.
func (d *database) completed(ctx context.Context) (map[completedKey]int64, error) {
	const question = "sum by (job_type, policy_type, status) (nbu_jobs_completed_total)"
	q, err := d.engine.NewInstantQuery(ctx, d.db, nil, question, time.Now())
	if err != nil {
		return nil, err
	}
	defer q.Close()
	rows, err := q.Exec(ctx).Vector()
	counts := map[completedKey]int64{}
	for _, row := range rows {
		if row.F != 0 {
			counts[completedKey{row.Metric.Get("job_type"), row.Metric.Get("policy_type"), row.Metric.Get("status")}] = int64(row.F)
		}
	}
	return counts, err
}

// completedBy is the truth by the labels of completed.
func completedBy(truth nbusim.Truth) map[completedKey]int64 {
	counts := map[completedKey]int64{}
	for k, n := range truth.Completed {
		counts[completedKey{k.JobType, k.PolicyType, strconv.Itoa(k.Status)}] += n
	}
	return counts
}

// agreesWith wants the database to say what the primary server knows.
func (d *database) agreesWith(ctx context.Context, primary *nbusim.Server) error {
	got, err := d.completed(ctx)
	if err != nil {
		return err
	}
	if want := completedBy(primary.Truth()); !maps.Equal(got, want) {
		return fmt.Errorf("got  %v\nwant %v", got, want)
	}
	return nil
}

// life is an agent that runs.
type life struct {
	agent *agent.Agent
	stop  context.CancelFunc
	ended chan error
}

// live makes an agent from the stand's settings, as run does, and runs it.
func (s *stand) live(t *testing.T) *life {
	t.Helper()
	cfg, err := agent.LoadConfig(s.environ(), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(cfg, "1.2.3", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &life{agent: a, stop: stop, ended: make(chan error, 1)}
	go func() { l.ended <- a.Run(ctx) }()
	t.Cleanup(func() { l.end(t) })
	return l
}

// end stops the agent and waits for it; a second time it does nothing.
func (l *life) end(t *testing.T) {
	t.Helper()
	l.stop()
	if err, open := <-l.ended; open {
		close(l.ended)
		if err != nil {
			t.Errorf("the agent ended with %v", err)
		}
	}
}

// The whole path in one process, by Remote-Write 2.0 into Prometheus's own code: every job
// counted once, over live jobs and a restart.
func TestEveryJobReachesTheWriteHandlerOnce(t *testing.T) {
	t.Parallel()
	s, d := newStand(t), openDatabase(t)
	s.settings["INTERVAL"] = "1s"
	s.settings["REMOTE_WRITE_URL"] = d.url
	agrees := func() error { return d.agreesWith(t.Context(), s.primary) }

	first := s.live(t)
	await(t, "history arrives", agrees)
	s.primary.Work(nbusim.Workload{Seed: 7, JobsPerMinute: 1800, MeanRun: time.Second, Turbulence: 0.1})
	more := s.ended(20)
	await(t, "jobs end while the agent runs", more)
	first.end(t)
	wantProtocol2(t, first.agent.Status())

	more = s.ended(20)
	await(t, "jobs end while no agent runs", more)
	second := s.live(t)
	await(t, "jobs end while the second agent runs", s.ended(20))
	s.primary.Work(nbusim.Workload{})
	await(t, "everything arrives", agrees)
	wantProtocol2(t, second.agent.Status())
}

// ended is a condition that holds once so many more jobs have ended.
func (s *stand) ended(jobs int64) func() error {
	want := total(completedBy(s.primary.Truth())) + jobs
	return func() error { return grown(total(completedBy(s.primary.Truth())), want) }
}

// wantProtocol2 wants one endpoint that has delivered by 2.0 and has nothing to complain of.
func wantProtocol2(t *testing.T, status page.Status) {
	t.Helper()
	if len(status.Endpoints) != 1 {
		t.Fatalf("%d endpoints", len(status.Endpoints))
	}
	e := status.Endpoints[0]
	if e.Protocol != "2.0" || e.Samples == 0 || len(e.Rejected) > 0 || e.Error != "" {
		t.Errorf("the endpoint's status is %+v", e)
	}
}
