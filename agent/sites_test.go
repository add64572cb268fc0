package agent

import (
	"fmt"
	"log/slog"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
	"backwire/source/netbackup"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
)

// primaries are sites of simulated primary servers; each comes from a name of its own.
func primaries(t *testing.T, n int) (sims []*nbusim.Server, sites []*netbackup.Site) {
	t.Helper()
	for i := range n {
		sim, err := nbusim.New(nbusim.Options{Storage: nbusim.NewEstate(4)})
		if err != nil {
			t.Fatal(err)
		}
		sim.AddHistory(nbusim.Workload{Seed: uint64(i)}, 20, 20*time.Minute)
		sim.Work(nbusim.Workload{Seed: uint64(i) + 100, JobsPerMinute: 5, MeanRun: 10 * time.Second})
		site, err := netbackup.NewSite(netbackup.SiteConfig{
			Client: api.Config{
				Site: fmt.Sprintf("site-%d", i), URL: &url.URL{Scheme: "https", Host: "primary.example:1556", Path: nbusim.Mount},
				Transport: sim.Transport(), APIKey: func() (string, error) { return nbusim.DefaultKey, nil },
			},
			Interval: time.Minute, Backfill: time.Hour,
		}, source.Checkpoint{}, slog.New(slog.DiscardHandler), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		sims, sites = append(sims, sim), append(sites, site)
	}
	return sims, sites
}

// stamped remembers when which tick of a site was committed.
type stamped struct {
	kept
	delays map[string][]time.Duration // from the tick to the commit
	ups    map[string][]float64
}

func (s *stamped) Commit(c source.Cycle) error {
	err := s.kept.Commit(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	b := c.Batches[len(c.Batches)-1]
	s.delays[c.Site] = append(s.delays[c.Site], time.Since(time.UnixMilli(b.T)))
	for _, x := range b.Samples {
		if x.Series.Name == "nbu_up" {
			s.ups[c.Site] = append(s.ups[c.Site], x.Value)
		}
	}
	return err
}

// TestHangingSiteDelaysNoOther runs twenty sites in one agent, of which one's server takes
// connections and never answers.
func TestHangingSiteDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ticks, hanging = 10, "site-7"
		sims, sites := primaries(t, 20)
		sims[7].Inject(nbusim.Fault{Effect: nbusim.Delay(24 * time.Hour)})
		queue := &stamped{delays: map[string][]time.Duration{}, ups: map[string][]float64{}}
		var schedulers []*scheduler
		for _, s := range sites {
			schedulers = append(schedulers, newScheduler(s, queue, time.Minute))
		}
		runFor(ticks*time.Minute-time.Second, schedulers...)
		for i := range sites {
			name := fmt.Sprintf("site-%d", i)
			up, most := 1.0, time.Second
			if name == hanging {
				up, most = 0, 15*time.Second
			}
			if n := len(queue.ups[name]); n != ticks {
				t.Errorf("%s: %d cycles with its state, want %d", name, n, ticks)
			}
			for tick, got := range queue.ups[name] {
				if got != up {
					t.Errorf("%s: nbu_up is %v in cycle %d, want %v", name, got, tick, up)
				}
			}
			for _, d := range queue.delays[name] {
				if d > most {
					t.Errorf("%s: a tick was committed after %v, want at most %v", name, d, most)
				}
			}
			if missed := schedulers[i].cycle.history.missed; missed != 0 {
				t.Errorf("%s: %d ticks missed", name, missed)
			}
			known := sims[i].TruthOf(func(c nbusim.Completion) bool { return c.Seen.Before(time.Now().Add(-time.Minute)) })
			if got, want := counted(queue.cycles, name), len(known.Completions); name != hanging && got < float64(want) {
				t.Errorf("%s: %v jobs counted, want at least %d", name, got, want)
			}
		}
	})
}

// counted is how many jobs the last batch of a site has.
func counted(cycles []source.Cycle, site string) (n float64) {
	for _, c := range cycles {
		if c.Site != site {
			continue
		}
		n = 0
		for _, x := range c.Batches[len(c.Batches)-1].Samples {
			if x.Series.Name == "nbu_jobs_completed_total" {
				n += x.Value
			}
		}
	}
	return n
}
