package netbackup

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
)

// panicking panics in whatever goroutine asks for a path.
type panicking struct {
	http.RoundTripper
	question
	left *atomic.Int64 // times
}

func (p panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.is(r) && p.left.Add(-1) >= 0 {
		panic("in a collector")
	}
	return p.RoundTripper.RoundTrip(r)
}

// question is what a collector asks for first.
type question struct {
	path, filter string
	shared       bool // another collector asks for the path, with another filter
}

func (q question) is(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, q.path) && (!q.shared || r.URL.Query().Get("filter") == q.filter)
}

// asking answers nothing and keeps what was asked for.
type asking struct{ question }

func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/ping") {
		a.path, a.filter = strings.TrimPrefix(r.URL.Path, nbusim.Mount), r.URL.Query().Get("filter")
		return httpAnswer(http.StatusForbidden, `{"errorCode":1,"errorMessage":"no"}`), nil
	}
	return httpAnswer(http.StatusOK, "1519397648169", "X-NetBackup-API-Version", "14.0"), nil
}

// firstQuestions are those of each collector.
func firstQuestions(t *testing.T) map[string]question {
	t.Helper()
	all := map[string]question{collectorServer: {path: "/security/serverinfo"}}
	for _, c := range collectors() {
		if c.First == nil {
			continue
		}
		asked := &asking{}
		client, err := api.NewClient(api.Config{
			URL: &url.URL{Scheme: "https", Host: "primary.example", Path: nbusim.Mount}, Transport: asked,
			APIKey: func() (string, error) { return "key", nil },
		}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.First(t.Context(), &workplace{site: &Site{client: client}}) // refused
		for name, other := range all {
			if other.path == asked.path {
				other.shared, asked.shared = true, true
				all[name] = other
			}
		}
		all[c.Name] = asked.question
	}
	return all
}

func TestAPanicInACollectorCostsItsOwnSamples(t *testing.T) {
	asked := firstQuestions(t)
	for _, name := range Collectors() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var left atomic.Int64
				var log bytes.Buffer
				r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
					c.Client.Transport = panicking{c.Client.Transport, asked[name], &left}
				})
				r.log = slog.New(slog.NewTextHandler(&log, nil))
				r.remember()
				left.Store(2) // the jobs have two questions
				r.sim.AddJob(quick("gold"))
				r.tick()
				r.want(0, "nbu_collector_success", "collector", name)
				for _, other := range Collectors() {
					if other != name {
						r.want(1, "nbu_collector_success", "collector", other)
					}
				}
				wantSaid(t, &log, 1, "collector failed")
				if !strings.Contains(log.String(), "RoundTrip") {
					t.Errorf("the log has no stack:\n%s", &log)
				}
				left.Store(0)
				r.tick()
				r.tick()
				r.want(1, "nbu_collector_success", "collector", name)
				r.wantTruth()
			})
		})
	}
}

// A panic in the middle of the counting leaves half of an ending in memory: what the queue remembers is what counts.
func TestAPanicInTheLedgerStartsAgainFromTheCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.remember()
		r.sim.AddJob(quick("gold"))
		r.tick()
		r.tick()
		for range 3 {
			r.sim.AddJob(quick("gold"))
		}
		broken := 0
		for _, k := range r.site.ledger.counters.kinds {
			k.timing, broken = nil, broken+1 // the number of jobs is counted before their times
		}
		if broken == 0 {
			t.Fatal("nothing is broken")
		}
		r.tick()
		r.want(0, "nbu_collector_success", "collector", collectorJobs)
		r.want(1, "nbu_collector_success", "collector", collectorStorage)
		r.want(1, "nbu_up")
		r.want(1, "nbu_jobs_completed_total")
		r.tick()
		r.want(1, "nbu_collector_success", "collector", collectorJobs)
		r.want(4, "nbu_jobs_completed_total")
		r.wantTruth()
	})
}

// What the caller's own loop does is none of the site's: its panic goes back to it.
func TestAPanicOfTheCallerIsHandedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.remember()
		r.tick()
		defer func() {
			if cause := recover(); cause != "in the queue" {
				t.Errorf("recovered %v, want the caller's panic", cause)
			}
		}()
		time.Sleep(minute)
		ctx, cancel := context.WithTimeout(t.Context(), minute)
		defer cancel()
		for range r.site.Collect(ctx, time.Now().Truncate(minute)) {
			panic("in the queue")
		}
	})
}

// remember begins the site anew, with what the store remembers at hand.
func (r *rig) remember() {
	r.cfg.Checkpoint = func() source.Checkpoint { return r.store.checkpoint() }
	r.start()
}
