package send

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/window"
	"backwire/source"
)

// renewed is a window in which counters have begun again, as a program's own do at each of its starts: each has some points under
// each start, and all have the same labels to a receiver.
func renewed(series, starts, points int) *window.Window {
	m := &source.Metric{Name: "backwire_cycles_total", Type: source.Counter, Help: "Cycles."}
	d := &testwindow.Draft{}
	for k := range starts {
		for i := range series {
			begun := testwindow.Time + int64(k*points)*60_000
			var all []window.Point
			for p := range points {
				all = append(all, window.Point{T: begun + int64(p)*60_000, V: float64(p)})
			}
			d.Add(source.NewSeries(m, "", begun, source.Label{Name: "site", Value: fmt.Sprintf("s%02d", i)}), all)
		}
	}
	w := d.Window()
	w.Dict.Renewed = true
	return w
}

// At a receiver without a window the points before a restart go before those after it, however many requests go at a time and however
// long one of them takes.
func TestRenewedSeriesKeepTheirOrder(t *testing.T) {
	for _, points := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, Config{Concurrency: 4, MaxSamples: 5}, receiver.Options{Ordered: true, Whole: true}, renewed(20, 3, points))
			g.receiver.Script(receiver.Answer{Delay: 10 * time.Second}, receiver.Answer{Status: http.StatusServiceUnavailable})
			g.run(t, func() { time.Sleep(time.Minute) })
			g.stored(t, renewed(20, 3, points))
			if n := len(g.receiver.Refusals()); n > 0 {
				t.Errorf("%d points of %d came in a wrong order", n, points)
			}
		})
	}
}

// A window that is sent again after a kill is not rejected because counters began again in it: what was sent before the restart has
// its series' newer points behind it.
func TestRenewedIsNotRejected(t *testing.T) {
	for name, receiver := range uncertain {
		for _, had := range []int{0, 1, 20, 30, 60} {
			for _, most := range []int{7, 1000} {
				for _, points := range []int{1, 3} {
					t.Run(fmt.Sprintf("%s, has %d, requests of %d, %d points", name, had, most, points), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							all, before := renewed(20, 3, points), renewed(20, 3, points)
							all.Repeated = true
							receiver.config.MaxSamples = most
							g := newRig(t, receiver.config, receiver.options, testwindow.Only(before, 0, had), all)
							if had == 0 {
								g.tape.windows = g.tape.windows[1:]
							}
							g.run(t, func() { time.Sleep(time.Hour) })
							if n := len(g.sink.points()); n > 0 {
								t.Errorf("%d samples are rejected", n)
							}
							if receiver.options.Ordered {
								g.stored(t, renewed(20, 3, points))
							}
						})
					})
				}
			}
		}
	}
}

// Of a first sending that a receiver refuses for one bad sample, that alone is rejected, though counters began again in it. One that stores
// the valid parts and then refuses them does not tell which of a series' last points it was.
func TestPoisonAmongRenewed(t *testing.T) {
	for name, at := range uncertain {
		for bad := range 9 { // points of the first series, three under each start
			t.Run(fmt.Sprintf("%s, point %d", name, bad), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					of := testwindow.Time + int64(bad)*60_000
					at.options.Poison = func(s *receiver.Series, p receiver.Point) error {
						if p.T == of && s.Label("site") == "s00" {
							return errors.New("poisoned")
						}
						return nil
					}
					w := renewed(20, 3, 3)
					g := newRig(t, at.config, at.options, w)
					g.run(t, func() { time.Sleep(time.Hour) })
					s := g.endpoint.Stats()
					rejected := uint64(0)
					for _, n := range s.Rejected {
						rejected += n
					}
					most := uint64(1)
					if name == "1.0, valid parts are stored" {
						most = 3
					}
					if rejected < 1 || rejected > most || s.Samples+rejected != uint64(w.Samples) {
						t.Errorf("%d delivered, %d rejected of %d: %+v", s.Samples, rejected, w.Samples, s.Dropped)
					}
				})
			})
		}
	}
}

// A window of some hours goes in slices of time. Sent again, what a receiver has of its later slices does not make the last points of
// the earlier ones rejected.
func TestRepeatedSlicesAreNotRejected(t *testing.T) {
	long := func() *window.Window {
		return testwindow.Altered(testwindow.New(20, 20), func(_ int, points []window.Point) []window.Point {
			for k := range points {
				points[k].T += int64(k) * 9 * 60_000
			}
			return points
		})
	}
	for name, at := range uncertain {
		for _, repeats := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, bundle %v", name, repeats), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					all := long()
					all.Repeated = !repeats
					at.config.Repeats, at.config.MaxSamples = repeats, 30
					g := newRig(t, at.config, at.options, long(), all)
					g.run(t, func() { time.Sleep(time.Hour) })
					if n := len(g.sink.points()); n > 0 {
						t.Errorf("%d samples are rejected", n)
					}
					if at.options.Ordered {
						g.stored(t, long())
					}
				})
			})
		}
	}
}
