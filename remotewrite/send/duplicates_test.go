package send

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/wal/crashfs"
)

// uncertain is how a receiver may behave that gets a window again of which it has some series.
var uncertain = map[string]struct {
	config  Config
	options receiver.Options
}{
	"2.0":                         {Config{}, receiver.Options{Ordered: true}},
	"2.0, takes what it has":      {Config{}, receiver.Options{}},
	"1.0, valid parts are stored": {Config{Protocol: "1.0"}, receiver.Options{Ordered: true}},
	"1.0, nothing is stored":      {Config{Protocol: "1.0"}, receiver.Options{Ordered: true, Whole: true}},
}

// sentAgain sends the first series of a window and then all of it, as after a kill, in requests of five series.
func sentAgain(t *testing.T, name string, had int, poison func(*receiver.Series, receiver.Point) error) *rig {
	t.Helper()
	c := uncertain[name]
	c.config.MaxSamples = 100
	c.options.Poison = poison
	all := testwindow.New(50, 20)
	all.Repeated = true
	before := testwindow.Only(testwindow.New(50, 20), 0, had)
	g := newRig(t, c.config, c.options, before, all)
	if had == 0 {
		g.tape.windows = g.tape.windows[1:]
	}
	g.run(t, func() {})
	return g
}

// What a receiver has of a window that is sent again is not rejected, and what it has not arrives.
func TestRepeatedIsNotRejected(t *testing.T) {
	for name := range uncertain {
		for _, had := range []int{0, 1, 23, 25, 50} {
			t.Run(fmt.Sprintf("%s, has %d", name, had), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := sentAgain(t, name, had, nil)
					if n := len(g.sink.points()); n > 0 {
						t.Errorf("%d samples are rejected", n)
					}
					if uncertain[name].options.Ordered { // else the receiver keeps both
						g.stored(t, testwindow.New(50, 20))
						// More, where what was stored of a refused request is repeated within the search.
						got, want := g.endpoint.Stats().Dropped[reasonRepeated], uint64(19*had)
						if got < want || got > want && name != "1.0, valid parts are stored" {
							t.Errorf("%d samples are repeated, want %d", got, want)
						}
					}
				})
			})
		}
	}
}

// A series that a receiver does not take is found beside others that it has, and so is a single sample
// where the receiver's answers allow it: one that stores the valid parts and then refuses them does not tell which it was.
func TestPoisonAmongRepeated(t *testing.T) {
	for name := range uncertain {
		for _, had := range []int{0, 23} {
			t.Run(fmt.Sprintf("%s, has %d", name, had), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					series := map[string]bool{}
					w := testwindow.New(50, 20)
					for _, i := range []int{24, 40} {
						series[testkit.ReceivedKey(testwindow.Labels(w, &w.Dict.Series[w.Columns[i].Series], nil))] = true
					}
					g := sentAgain(t, name, had, func(s *receiver.Series, _ receiver.Point) error {
						if series[s.Key()] {
							return errors.New("poisoned")
						}
						return nil
					})
					if n := len(g.sink.points()); n != 40 {
						t.Errorf("%d samples are rejected, want 40", n)
					}
					if n := g.endpoint.Stats().Rejected["400"]; n != 40 {
						t.Errorf("%d samples are counted as rejected, want 40", n)
					}
				})
				synctest.Test(t, func(t *testing.T) {
					w := testwindow.New(50, 20)
					key := testkit.ReceivedKey(testwindow.Labels(w, &w.Dict.Series[w.Columns[31].Series], nil))
					bad := testwindow.Points(w, 31)[7]
					g := sentAgain(t, name, had, func(s *receiver.Series, p receiver.Point) error {
						if s.Key() == key && p.T == bad.T {
							return errors.New("poisoned")
						}
						return nil
					})
					want := []RejectedPoint{RejectedPoint(bad)}
					if name == "2.0" || name == "1.0, valid parts are stored" {
						want = nil
					}
					if got := g.sink.points(); !slices.Equal(got, want) {
						t.Errorf("rejected %v, want %v", got, want)
					}
				})
			})
		}
	}
}

// A receiver that takes samples behind newer ones of their series refuses none because it has it: where all that it is asked about is
// bad, that is found, and the samples beside it are delivered and not taken to be there.
func TestFirstSampleIsBad(t *testing.T) {
	for name, options := range map[string]receiver.Options{"valid parts are stored": {}, "nothing is stored": {Whole: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := testwindow.New(1, 10)
				bad := testwindow.Points(w, 0)[0]
				options.Poison = func(s *receiver.Series, p receiver.Point) error {
					if s.Name() != canaryMetric && p.T == bad.T {
						return errors.New("poisoned")
					}
					return nil
				}
				g := newRig(t, Config{Protocol: "1.0"}, options, w)
				time.Sleep(time.Until(time.UnixMilli(w.Newest))) // the bubble's time begins in 2000
				g.run(t, func() {})
				if got := g.sink.points(); !slices.Equal(got, []RejectedPoint{RejectedPoint(bad)}) {
					t.Errorf("rejected %v, want %v", got, bad)
				}
				if _, samples, _ := stored(g.receiver); samples != 9 || g.endpoint.Stats().Samples != 9 {
					t.Errorf("%d samples are there and %d are counted, want 9", samples, g.endpoint.Stats().Samples)
				}
			})
		})
	}
}

// So is it with one of 2.0, which says how many it has stored: of two series nearly all is bad, and the two samples that are good arrive.
func TestNearlyAllIsBad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(2, 10)
		good := map[string]int64{}
		for i, k := range []int{4, 9} {
			good[testkit.ReceivedKey(testwindow.Labels(w, &w.Dict.Series[w.Columns[i].Series], nil))] = testwindow.Points(w, i)[k].T
		}
		g := newRig(t, Config{}, receiver.Options{Poison: func(s *receiver.Series, p receiver.Point) error {
			return errorIf(s.Name() != canaryMetric && p.T != good[s.Key()], "poisoned")
		}}, w)
		time.Sleep(time.Until(time.UnixMilli(w.Newest)))
		g.run(t, func() {})
		if n := len(g.sink.points()); n != 18 {
			t.Errorf("%d samples of 20 are rejected, want 18", n)
		}
		for _, r := range g.sink.all {
			if r.Samples != pointsOf(r) {
				t.Errorf("%d of %d samples are rejected, and nobody knows which", r.Samples, pointsOf(r))
			}
		}
		if got := g.endpoint.Stats(); got.Samples != 2 {
			t.Errorf("%d samples are delivered, want 2", got.Samples)
		}
	})
}

// A queue that was set back by a snapshot of its machine sends again what its receiver has, and newer of it. That is repeated
// and not rejected, and raises no alert; what the receiver has not arrives.
func TestSetBackQueueRejectsNothing(t *testing.T) {
	for name, way := range uncertain {
		if !way.options.Ordered {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const series, cycles = 50, 40
				fs := crashfs.New()
				q := testqueue.On(t, fs, queue.Options{Endpoints: []string{"e"}})
				testkit.Closed(t, testqueue.Subscribe(t, q, "e"))
				f := testkit.NewFleet("paris", series, 1)
				testkit.Commit(t, q, f, cycles)
				testkit.Closed(t, q)
				snapshot := fs.Restart(crashfs.KeepAll, rand.New(rand.NewPCG(1, 1)))

				c, r := way.config, receiver.New(way.options)
				if s, _ := deliverFor(t, fs, c, r); s.Samples != series*cycles {
					t.Fatalf("stats %+v", s)
				}
				q = testqueue.On(t, fs, queue.Options{Endpoints: []string{"e"}})
				testkit.Commit(t, q, f, 5) // of which the snapshot knows nothing
				testkit.Closed(t, q)
				deliverFor(t, fs, c, r)

				stats, rejected := deliverFor(t, snapshot, c, r)
				if n := len(rejected.points()); n > 0 || len(stats.Rejected) > 0 || stats.Parked > 0 {
					t.Errorf("%d samples are rejected: %+v", n, stats)
				}
				if got := stats.Dropped[reasonRepeated] + stats.Samples; got != series*cycles {
					t.Errorf("%d samples are repeated and %d delivered", stats.Dropped[reasonRepeated], stats.Samples)
				}
				if got := sentOnce(r); got != series*(cycles+5) {
					t.Errorf("the receiver has %d points", got)
				}
			})
		})
	}
}

// What an earlier run may have sent, and a receiver refuses for a reason of its own, is rejected and kept: nothing says that
// it was delivered.
func TestRefusalOfOldRecordsIsNoRepetition(t *testing.T) {
	for name, way := range uncertain {
		for _, words := range []string{"label limit exceeded", "", "this tenant is read-only", "labels are over the threshold: shorten them in order to send on"} {
			t.Run(name+" "+words, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const series, cycles = 10, 5
					fs := crashfs.New()
					q := testqueue.On(t, fs, queue.Options{Endpoints: []string{"e"}})
					testkit.Closed(t, testqueue.Subscribe(t, q, "e"))
					testkit.Commit(t, q, testkit.NewFleet("paris", series, 1), cycles)
					testkit.Closed(t, q)
					way.options.Poison = func(s *receiver.Series, _ receiver.Point) error {
						if strings.Contains(s.Key(), canaryMetric) {
							return nil
						}
						return errors.New(words)
					}
					stats, rejected := deliverFor(t, fs, way.config, receiver.New(way.options))
					if n := len(rejected.points()); n != series*cycles || len(stats.Dropped) > 0 {
						t.Errorf("%d samples are rejected, dropped %v; want %d and none", n, stats.Dropped, series*cycles)
					}
				})
			})
		}
	}
}
