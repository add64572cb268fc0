package send

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/window"
)

// endpointModel is a random receiver and what has to become of each sample, known from what the receiver does and not from
// how it is asked.
type endpointModel struct {
	rand    *rand.Rand
	windows []*window.Window
	samples int
	bad     map[int64]bool // refused for good, by time: each sample has its own
	failing map[int64]bool // answered with 5xx, until the receiver is repaired
	options receiver.Options
}

func newEndpointModel(seed uint64) *endpointModel {
	m := &endpointModel{rand: rand.New(rand.NewPCG(seed, 12)), bad: map[int64]bool{}, failing: map[int64]bool{}}
	for k := range 1 + m.rand.IntN(3) {
		w := testwindow.Shifted(testwindow.New(1+m.rand.IntN(60), 1+m.rand.IntN(12)), func(column int) int64 { return int64(k)*3_600_000 + int64(column) })
		m.windows, m.samples = append(m.windows, w), m.samples+w.Samples
		m.mark(w, m.bad)
		if m.rand.IntN(3) == 0 {
			m.mark(w, m.failing)
		}
	}
	m.options = receiver.Options{
		Whole: m.rand.IntN(2) == 0, PoisonStatus: []int{400, 409, 422}[m.rand.IntN(3)],
		Lie: []receiver.Lie{receiver.CountTrue, receiver.CountReceived}[m.rand.IntN(2)], V2: []receiver.Support{receiver.Accept, receiver.Refuse}[m.rand.IntN(2)],
		Poison: func(_ *receiver.Series, p receiver.Point) error { return errorIf(m.bad[p.T], "refused") },
		Fail:   func(_ *receiver.Series, p receiver.Point) error { return errorIf(m.failing[p.T], "too old sample") },
	}
	return m
}

func errorIf(is bool, words string) error {
	if is {
		return errors.New(words)
	}
	return nil
}

// mark chooses samples: none, scattered ones, whole series, the late ones, or all.
func (m *endpointModel) mark(w *window.Window, marked map[int64]bool) {
	way, share := m.rand.IntN(6), m.rand.Float64()*m.rand.Float64()
	for i := range w.Columns {
		all := m.rand.Float64() < share
		for k, p := range testwindow.Points(w, i) {
			if way == 1 && m.rand.Float64() < share || way == 2 && all || way == 3 && float64(k) < share*12 || way == 4 && m.rand.IntN(40) == 0 || way == 5 && share > 0.8 {
				marked[p.T] = true
			}
		}
	}
}

// disturb lets the receiver refuse everything, fail, limit and cut connections for a while.
func (m *endpointModel) disturb(r *receiver.Receiver) {
	for range m.rand.IntN(4) {
		everything := receiver.Answer{Status: []int{400, 404, 413, 422, 429, 500, 503}[m.rand.IntN(7)]}
		if m.rand.IntN(6) == 0 {
			everything = receiver.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}}
		}
		r.Always(&everything)
		time.Sleep(time.Duration(m.rand.IntN(900)) * time.Second)
		r.Always(nil)
		r.Script(receiver.Answer{}, receiver.Answer{Status: []int{429, 503}[m.rand.IntN(2)]}, receiver.Answer{}, receiver.Answer{Drop: receiver.DropMidBody})
		time.Sleep(time.Duration(m.rand.IntN(120)) * time.Second)
	}
}

// balance holds what an endpoint says against what there is: committed = delivered + rejected + parked + dropped + pending.
func (m *endpointModel) balance(t *testing.T, g *rig) (s Stats, total int) {
	t.Helper()
	s = g.endpoint.Stats()
	total = int(s.Samples) + s.Parked + s.Pending
	for _, of := range []map[string]uint64{s.Rejected, s.Dropped} {
		for _, n := range of {
			total += int(n)
		}
	}
	for _, p := range g.sink.points() {
		if !m.bad[p.T] && !m.failing[p.T] {
			t.Errorf("%v is good and rejected", p)
		}
	}
	return s, total
}

// Of random requests, at receivers that refuse and fail in random ways, each sample has exactly one ending, and nothing good
// is given up.
func TestEverySampleHasOneEnding(t *testing.T) {
	seeds := []uint64{80, 127, 142} // these once gave up what is good, or took hours for what fails
	for seed := range uint64(57) {
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newEndpointModel(seed)
				g := newRig(t, Config{MaxSamples: 50 + m.rand.IntN(1000)}, m.options, m.windows...)
				g.endpoint.met = false
				g.run(t, func() {
					m.disturb(g.receiver)
					time.Sleep(3 * time.Hour) // all but what fails has its ending
					s, total := m.balance(t, g)
					if total != m.samples || s.Pending != 0 || g.tape.place() != len(m.windows) {
						t.Errorf("%d of %d samples, at window %d of %d: %+v", total, m.samples, g.tape.place(), len(m.windows), s)
					}
					time.Sleep(30 * time.Hour)
					s, total = m.balance(t, g)
					given := 0
					for _, n := range s.Rejected {
						given += int(n)
					}
					lost := 0
					for _, w := range m.windows {
						for i := range w.Columns {
							for _, p := range testwindow.Points(w, i) {
								if m.bad[p.T] || m.failing[p.T] {
									lost++
								}
							}
						}
					}
					if total != m.samples || given != lost || s.Parked != 0 || int(s.Samples) != m.samples-lost {
						t.Errorf("%d samples, %d bad or failing: %+v", m.samples, lost, s)
					}
				})
			})
		})
	}
}
