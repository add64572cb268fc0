package queue

import (
	"errors"
	"math"
	"testing"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/wal/crashfs"
	"backwire/remotewrite/window"
	"backwire/source"
)

// rack is a site with a counter and a gauge.
type rack struct {
	site           string
	counter, gauge *source.Series
}

func newRack(site string) rack {
	label := source.Label{Name: "site", Value: site}
	return rack{
		site:    site,
		counter: source.NewSeries(&source.Metric{Name: "nbu_jobs_completed_total", Type: source.Counter, Durable: true}, "", 0, label),
		gauge:   source.NewSeries(&source.Metric{Name: "nbu_up"}, "", 0, label),
	}
}

func (r rack) cycle(t int64, jobs float64) source.Cycle {
	return source.Cycle{
		Site:    r.site,
		Batches: []source.Batch{{T: t, Samples: []source.Sample{{Series: r.counter, Value: jobs}, {Series: r.gauge, Value: 1}}}},
		Changes: []source.Change{{Key: "counted", Value: []byte{byte(jobs)}}},
	}
}

// ends counts the stale markers that are delivered from here on.
func ends(t *testing.T, s *Subscription) (n int) {
	t.Helper()
	var w window.Window
	for s.Fill(&w, 1) == nil {
		for i := range w.Columns {
			for _, p := range testwindow.Points(&w, i) {
				if source.IsStale(p.V) {
					n++
				}
			}
		}
		if err := s.Advance(&w, nil); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func at(start int64, d time.Duration) func() time.Time {
	return func() time.Time { return time.UnixMilli(start).Add(d) }
}

const sitesBegin = 1_790_000_040_000

// A site that is not configured any more gets its stale markers once; one that comes back within 35 days goes on with its
// counts, over restarts and new segments; after that nothing is left of it, and the other site has lost nothing.
func TestASiteThatIsGone(t *testing.T) {
	for _, back := range []time.Duration{time.Minute, 34 * 24 * time.Hour, 36 * 24 * time.Hour} {
		fs := crashfs.New()
		o := Options{Endpoints: []string{"a"}, Clock: at(sitesBegin, time.Minute)}
		q := openTest(t, fs, o)
		s := mustSubscribe(t, q, "a")
		paris, lyon := newRack("paris"), newRack("lyon")
		for _, r := range []rack{paris, lyon} {
			if err := q.Commit(r.cycle(sitesBegin, 7)); err != nil {
				t.Fatal(err)
			}
		}
		if n := ends(t, s); n != 0 {
			t.Fatalf("%d series have ended", n)
		}
		for restart := range 3 {
			if err := q.KeepSites([]string{"lyon"}); err != nil {
				t.Fatal(err)
			}
			if n, want := ends(t, s), 2; restart == 0 && n != want || restart > 0 && n != 0 {
				t.Errorf("start %d: %d stale markers", restart, n)
			}
			if n := lossOf(q, "", reasonOrder).Samples; n != 0 {
				t.Errorf("%d samples are counted as lost", n)
			}
			if restart == 1 {
				o.Clock = at(sitesBegin, back)
			}
			testkit.Closed(t, s)
			testkit.Closed(t, q)
			q = openTest(t, fs, o)
			s = mustSubscribe(t, q, "a")
			q.sites = []string{"lyon"}
			if err := q.roll(); err != nil {
				t.Fatal(err)
			}
			if err := q.Commit(lyon.cycle(sitesBegin+int64(restart+1)*60_000, 8)); err != nil {
				t.Fatal(err)
			}
		}
		known := q.Checkpoint("paris")
		kept := len(known.Series) == 1 && known.Series[0].Value == 7 && len(known.State["counted"]) == 1
		gone := len(known.Series) == 0 && len(known.State) == 0 && len(q.Sites()) == 1
		if back < siteKept && !kept || back > siteKept && !gone {
			t.Errorf("after %v: %+v, %v", back, known, q.Sites())
		}
		if other := q.Checkpoint("lyon"); len(other.Series) != 1 || other.Series[0].Value != 8 || other.State["counted"][0] != 8 {
			t.Errorf("the other site has %+v", other)
		}
		testkit.Closed(t, s)
		testkit.Closed(t, q)
	}
}

// A site's newest sample may be far ahead of the clock, which was put right since, or the agent was off for long: the site ends all the
// same, once, and is kept from then on.
func TestASiteFarFromTheClockEnds(t *testing.T) {
	for _, ahead := range []time.Duration{-100 * 24 * time.Hour, 100 * 24 * time.Hour} {
		q := openTest(t, crashfs.New(), Options{Clock: at(sitesBegin, 0)})
		s := mustSubscribe(t, q, "a")
		if err := q.Commit(newRack("paris").cycle(sitesBegin+ahead.Milliseconds(), 7)); err != nil {
			t.Fatal(err)
		}
		q.rolling = true // with the next write
		for range 2 {
			if err := q.KeepSites([]string{}); err != nil {
				t.Fatal(err)
			}
		}
		if n := ends(t, s); n != 2 {
			t.Errorf("%v ahead: %d stale markers", ahead, n)
		}
		if known := q.Checkpoint("paris"); len(known.Series) != 1 || len(known.State) != 1 {
			t.Errorf("%v ahead: %+v", ahead, known)
		}
		testkit.Closed(t, s)
		testkit.Closed(t, q)
	}
}

// A renamed site keeps what it has counted, its counters begin again under the new name, and the old one's series end.
func TestRenameAndForget(t *testing.T) {
	dir := t.TempDir() + "/queue"
	o := Options{Clock: at(sitesBegin, time.Minute)}
	paris, lyon := newRack("paris"), newRack("lyon")
	opened := func() (*Queue, *Subscription) {
		q, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		return q, mustSubscribe(t, q, "a")
	}
	q, s := opened()
	for _, r := range []rack{paris, lyon} {
		if err := q.Commit(r.cycle(sitesBegin, 7)); err != nil {
			t.Fatal(err)
		}
	}
	if err := RenameSite(dir, "paris", "nice", o); !errors.Is(err, ErrInUse) {
		t.Errorf("beside an agent: %v", err)
	}
	testkit.Closed(t, s)
	testkit.Closed(t, q)
	if err := RenameSite(dir, "paris", "lyon", o); !errors.Is(err, errKnownSite) {
		t.Errorf("rename to a known one: %v", err)
	}
	if err := RenameSite(dir, "rome", "nice", o); !errors.Is(err, errUnknownSite) {
		t.Errorf("rename an unknown one: %v", err)
	}
	if err := RenameSite(dir, "paris", "nice", o); err != nil {
		t.Fatal(err)
	}
	q, s = opened()
	if n := ends(t, s); n != 2 {
		t.Errorf("%d stale markers", n)
	}
	if k := q.Checkpoint("nice"); len(k.Series) != 0 || len(k.State["counted"]) != 1 || k.T == 0 {
		t.Errorf("the new name has %+v", k)
	}
	if k := q.Checkpoint("paris"); len(k.Series)+len(k.State) != 0 {
		t.Errorf("the old name has %+v", k)
	}
	if err := q.Commit(newRack("nice").cycle(sitesBegin+math.MaxInt32, 1)); err != nil {
		t.Fatal(err)
	}
	testkit.Closed(t, s)
	testkit.Closed(t, q)
	if err := ForgetSite(dir, "nice", o); err != nil {
		t.Fatal(err)
	}
	q, s = opened()
	if sites := q.Sites(); len(sites) != 1 || sites[0].Name != "lyon" || q.Checkpoint("lyon").Series[0].Value != 7 {
		t.Errorf("left are %v", sites)
	}
	if n := ends(t, s); n != 2 {
		t.Errorf("%d stale markers", n)
	}
	testkit.Closed(t, s)
	testkit.Closed(t, q)
}
