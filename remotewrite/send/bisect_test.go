package send

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/window"
)

func poisoned(values ...int64) func(*receiver.Series, receiver.Point) error {
	return func(s *receiver.Series, p receiver.Point) error {
		if slices.Contains(values, p.T) {
			return errors.New("poisoned: " + s.Key())
		}
		return nil
	}
}

func TestBisectFindsOnePoisonedSample(t *testing.T) {
	for name, c := range map[string]struct {
		config  Config
		options receiver.Options
		extra   int // 2·log2(20,000), a canary, and what asks whether the receiver has the samples already
	}{
		"2.0, valid parts are stored": {Config{}, receiver.Options{}, 31},
		"1.0, valid parts are stored": {Config{Protocol: "1.0"}, receiver.Options{}, 31},
		"1.0, nothing is stored":      {Config{Protocol: "1.0"}, receiver.Options{Whole: true, Ordered: true}, 31},
	} {
		for _, at := range []window.Place{{Column: 0, Point: 0}, {Column: 333, Point: 7}, {Column: 999, Point: 19}} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := testwindow.Unique(testwindow.New(1000, 20))
					bad := testwindow.Points(w, at.Column)[at.Point]
					c.options.Poison = poisoned(bad.T)
					g := newRig(t, c.config, c.options, w)
					g.run(t, func() {})
					if got := g.sink.points(); len(got) != 1 || got[0] != RejectedPoint(bad) {
						t.Fatalf("rejected %v, want %v", got, bad)
					}
					r := g.sink.all[0]
					if !strings.Contains(r.Words, "poisoned") || r.Status != 400 || r.Samples != 1 {
						t.Errorf("rejected %+v", r)
					}
					if n := len(g.receiver.Requests()) - 1; n > c.extra {
						t.Errorf("%d extra requests, want at most %d", n, c.extra)
					}
					if s := g.endpoint.Stats(); s.Rejected["400"] != 1 || s.Samples != 19_999 || s.Pending != 0 || g.tape.place() != 1 {
						t.Errorf("stats %+v", s)
					}
					g.holds(t, w, 19_999)
				})
			})
		}
	}
}

// holds counts the different samples that the receiver has.
func (g *rig) holds(t *testing.T, w *window.Window, want int) {
	t.Helper()
	n := 0
	for _, s := range testkit.Data(g.receiver) {
		seen := map[int64]bool{}
		for _, p := range s.Points {
			seen[p.T] = true
		}
		n += len(seen)
	}
	if n != want {
		t.Errorf("%d samples stored, want %d", n, want)
	}
}

func TestBisectFindsSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.Unique(testwindow.New(1000, 20))
		bad := []int64{testwindow.Points(w, 3)[4].T, testwindow.Points(w, 500)[0].T, testwindow.Points(w, 501)[1].T}
		g := newRig(t, Config{}, receiver.Options{Poison: poisoned(bad...)}, w)
		g.run(t, func() {})
		var got []int64
		for _, p := range g.sink.points() {
			got = append(got, p.T)
		}
		if !slices.Equal(got, bad) {
			t.Errorf("rejected %v, want %v", got, bad)
		}
		g.holds(t, w, 20_000-3)
	})
}

func TestBisectSurvivesABusyReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.Unique(testwindow.New(100, 2))
		bad := testwindow.Points(w, 42)[1]
		g := newRig(t, Config{}, receiver.Options{Poison: poisoned(bad.T)}, w)
		g.receiver.Script(receiver.Answer{}, receiver.Answer{Status: 503}, receiver.Answer{}, receiver.Answer{Status: 413}, receiver.Answer{Status: 401})
		g.run(t, func() { time.Sleep(2 * time.Minute) })
		if got := g.sink.points(); len(got) != 1 || got[0] != RejectedPoint(bad) {
			t.Errorf("rejected %v, want %v", got, bad)
		}
		g.holds(t, w, 199)
	})
}

// Halving loses nothing and keeps a series' earlier points in the earlier part, whichever way it is done.
func TestHalve(t *testing.T) {
	for _, w := range []*window.Window{testwindow.New(5, 4), testwindow.Unique(testwindow.New(5, 4)), testwindow.New(1, 9), testwindow.New(9, 1)} {
		for _, b := range []bisect{{}, {told: [2]int{0, 1}}} {
			for _, singles := range []bool{false, true} {
				_, first, second := b.halve(w, singles)
				if first.Samples == 0 || second.Samples == 0 || first.Samples+second.Samples != w.Samples || singles && first.Samples != 1 {
					t.Fatalf("%d samples were cut into %d and %d", w.Samples, first.Samples, second.Samples)
				}
				points := map[uint32]int{}
				for _, half := range []*window.Window{first, second} {
					for i, c := range half.Columns {
						if n := points[c.Series]; !slices.Equal(testwindow.Points(half, i), testwindow.Points(w, int(c.Series))[n:n+c.Len()]) {
							t.Errorf("series %d: %v does not follow its %d first points", c.Series, testwindow.Points(half, i), n)
						}
						points[c.Series] += c.Len()
					}
				}
				for series, n := range points {
					if n != w.Columns[series].Len() {
						t.Errorf("series %d has %d points", series, n)
					}
				}
			}
		}
	}
}

func TestDeal(t *testing.T) {
	w := testwindow.New(10, 4)
	for n := 1; n <= 12; n++ {
		spans := deal(w, w.Whole(), n)
		total, at := 0, window.Place{}
		for _, sp := range spans {
			if sp.From != at || sp.Empty() {
				t.Errorf("n %d: %+v", n, spans)
			}
			at, total = sp.To, total+sp.Count(w)
		}
		if total != 40 || len(spans) != min(n, 10) {
			t.Errorf("n %d: %d spans of %d samples", n, len(spans), total)
		}
	}
}

// What expires is counted as that, and not as refused, while a request is searched through.
func TestBisectBesideExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.Unique(testwindow.Later(10, 10, time.Since(time.UnixMilli(testwindow.Time+9*60_000))))
		bad := testwindow.Points(w, 4)[8]
		for _, o := range []receiver.Options{{}, {Whole: true, Ordered: true}} {
			o.Poison = poisoned(bad.T)
			g := newRig(t, Config{MaxSampleAge: 4 * time.Minute}, o, w)
			g.run(t, func() {})
			s := g.endpoint.Stats()
			if got := g.sink.points(); len(got) != 1 || got[0] != RejectedPoint(bad) || s.Rejected["400"] != 1 || s.Dropped[reasonTooOld] != 50 || s.Pending != 0 {
				t.Errorf("rejected %v, stats %+v", got, s)
			}
		}
	})
}

// halvingCost is the most requests of a search by halving that finds so many bad samples among all: at the level where the parts are as
// many as the bad ones each may hold one, and from there two requests a level find each of them.
func halvingCost(bad, all int) int {
	return int(math.Ceil(2 * float64(bad) * (math.Log2(float64(all)/float64(bad)) + 2)))
}

// canaryAsks are the requests of one bisect that ask and do not search: one canary before it, one for each canaryAfter refused in a row,
// one after it, and what asks whether the receiver has the samples already.
func canaryAsks(bad int) int { return 1 + bad/canaryAfter + 1 + heldProbes + 1 }

// Of a request with many bad samples exactly those are rejected, whatever way the receiver has with the rest, and the
// search costs at most what halving costs; far less where the bad ones are neighbours, one each where they are all that is left.
func TestBisectRejectsExactlyWhatIsBad(t *testing.T) {
	scattered := func(w *window.Window, bad map[int64]bool) {
		for i := 0; i < len(w.Columns); i += 25 {
			bad[testwindow.Points(w, i)[3].T] = true
		}
	}
	late := func(w *window.Window, bad map[int64]bool) { // out of bounds: the first five of each series
		for i := range w.Columns {
			for _, p := range testwindow.Points(w, i)[:5] {
				bad[p.T] = true
			}
		}
	}
	series := func(w *window.Window, bad map[int64]bool) { // whole ones
		for i := 3; i < len(w.Columns); i += 211 {
			for _, p := range testwindow.Points(w, i) {
				bad[p.T] = true
			}
		}
	}
	for name, o := range map[string]struct {
		protocol string
		options  receiver.Options
	}{
		"1.0, nothing is stored":                          {"1.0", receiver.Options{Whole: true, Ordered: true}},
		"2.0, nothing is stored":                          {"2.0", receiver.Options{Whole: true, Ordered: true}},
		"2.0, nothing is stored, counts what it got":      {"2.0", receiver.Options{Whole: true, Ordered: true, Lie: receiver.CountReceived}},
		"2.0, valid parts are stored":                     {"2.0", receiver.Options{}},
		"1.0, valid parts are stored":                     {"1.0", receiver.Options{}},
		"1.0, valid parts are stored, 409":                {"1.0", receiver.Options{PoisonStatus: 409}},
		"2.0, valid parts are stored, counts what it got": {"2.0", receiver.Options{Lie: receiver.CountReceived}},
	} {
		for _, c := range []struct {
			name string
			mark func(*window.Window, map[int64]bool)
			most int // requests that search 1,000 series, measured and rounded up; the definition allows more where bad ones are neighbours
		}{
			{"one of 500 scattered", scattered, 690},
			{"the first 5 of 20", late, 5200},
			{"one of 211 series", series, 290},
		} {
			t.Run(name+", "+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := 100 // series
					if o.protocol == "1.0" && o.options.Whole {
						n = 1000
					}
					w, bad := testwindow.Unique(testwindow.New(n, 20)), map[int64]bool{}
					c.mark(w, bad)
					o.options.Poison = func(_ *receiver.Series, p receiver.Point) error {
						if bad[p.T] {
							return errors.New("poisoned")
						}
						return nil
					}
					g := newRig(t, Config{Protocol: o.protocol}, o.options, w)
					g.run(t, func() {})
					rejected := map[int64]bool{}
					for _, p := range g.sink.points() {
						if rejected[p.T] = true; !bad[p.T] {
							t.Fatalf("%v is good and rejected", p)
						}
					}
					s, counted := g.endpoint.Stats(), uint64(0)
					for _, all := range s.Rejected {
						counted += all
					}
					if len(rejected) != len(bad) || counted != uint64(len(bad)) {
						t.Errorf("%d rejected, %d counted, want %d", len(rejected), counted, len(bad))
					}
					g.holds(t, w, w.Samples-len(bad))
					if s.Samples+counted != uint64(w.Samples) || s.Pending != 0 || g.tape.place() != 1 {
						t.Errorf("stats %+v", s)
					}
					got := len(g.receiver.Requests())
					t.Logf("%d requests", got)
					if most := min(halvingCost(len(bad), w.Samples), c.most*n/1000+100) + canaryAsks(len(bad)); got > most {
						t.Errorf("%d requests, want at most %d", got, most)
					}
				})
			})
		}
	}
}

// A receiver that stores the valid parts, and refuses what it has stored, tells only how many it refused: no more are counted,
// and nothing is sent twice without end.
func TestBisectWhereOnlyTheNumberIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.Unique(testwindow.New(1000, 20))
		var bad []int64
		for i := range 40 {
			bad = append(bad, testwindow.Points(w, 25*i)[3].T)
		}
		g := newRig(t, Config{}, receiver.Options{Ordered: true, Poison: poisoned(bad...)}, w)
		g.run(t, func() {})
		s := g.endpoint.Stats()
		if s.Rejected["400"] != 40 || s.Samples != 19_960 || g.tape.place() != 1 || len(g.receiver.Requests()) > 10 {
			t.Errorf("stats %+v, %d requests", s, len(g.receiver.Requests()))
		}
		g.holds(t, w, 19_960)
	})
}
