package collect

import (
	"strings"

	"backwire/source"
	"backwire/source/guard"
)

// Gauges are the live series of one collector. A series keeps its pointer and its place
// from cycle to cycle; only those that were set since reset are emitted.
type Gauges struct {
	site  string
	index map[string]*gauge
	order []*gauge
	last  *gauge // that was set; nil for none in this cycle
	put   []source.Sample
	cycle uint64
	key   []byte

	touched        bool            // something was set since the last reset
	ambiguous      map[*gauge]bool // of this cycle: two rows say different things of it
	contradictions []string        // their series, until they are taken
	most           int             // series that are set in a cycle
	size           int             // bytes of the labels of all in order
	live           int             // series set in this cycle
	over           error           // what was more than is taken in this cycle
	spare          gauge           // stands in for what is not taken
}

const (
	seriesLimit = 8_000   // live series of a collector
	labelLimit  = 2 << 20 // bytes of their labels
	labelRoom   = 256     // bytes of labels that a further series adds to the limit, where a collector may have more series
)

// separator stands between the parts of a key: it is never in UTF-8.
const separator = "\xff"

type gauge struct {
	family *Family
	key    string         // the family's name and the labels
	series *source.Series // nil until it is given: what a list has too much of never is
	then   *gauge         // that was set after it the last time: rows come in the same order most of the time
	gone   bool           // it is not in the index any more
	value  float64
	cycle  uint64 // in which it was last set
	sum    bool   // it was made of several rows
	short  bool   // one of them lacks the figure
}

// Allow lets a collector have more series.
func (g *Gauges) Allow(more int) { g.most += more }

// NewGauges returns the gauges of one collector of a site. They are used by one goroutine at a time.
func NewGauges(site string) *Gauges {
	return &Gauges{site: site, index: map[string]*gauge{}, cycle: 1, most: seriesLimit}
}

// Reset begins a cycle: nothing is set. Where nothing was set since the last reset there is none to begin: so it does not matter
// how often it is called.
func (g *Gauges) Reset() {
	if !g.touched {
		return
	}
	g.touched = false
	g.sweep()
	g.cycle++
	clear(g.ambiguous)
	g.put = g.put[:0]
	if g.over != nil { // none of them is told, and nothing says that they come again
		g.index, g.order, g.size = map[string]*gauge{}, nil, 0
	}
	g.live, g.over, g.last = 0, nil, nil
}

// Set sets a value in this cycle.
func (g *Gauges) Set(f *Family, v float64, labels ...string) { *g.At(f, labels...) = v }

// Put gives the value of a series that the caller keeps and puts once in a cycle. It is not looked up, which would take most of the
// time where series are tens of thousands.
func (g *Gauges) Put(s *source.Series, v float64) {
	g.touched = true
	if g.live >= g.most {
		g.over = g.beyond()
		return
	}
	g.live++
	g.put = append(g.put, source.Sample{Series: s, Value: v})
}

func (g *Gauges) beyond() error {
	return guard.Limit{What: "a list", Most: g.most, Unit: "different labels"}
}

// Tell sets what a row says of one thing. Where two rows of a reading say different things of what has the same labels,
// nobody can tell which is right: the series is absent, and ambiguous counts it.
func (g *Gauges) Tell(f *Family, v float64, labels ...string) {
	x, fresh := g.slot(f, labels)
	if !fresh && x.value != v {
		if g.ambiguous == nil {
			g.ambiguous = map[*gauge]bool{}
		}
		if !g.ambiguous[x] {
			g.ambiguous[x] = true
			g.contradictions = append(g.contradictions, strings.ReplaceAll(x.key, separator, " "))
		}
	}
	x.value = v
}

// Count counts a row.
func (g *Gauges) Count(f *Family, labels ...string) {
	x, _ := g.slot(f, labels)
	x.value, x.sum = x.value+1, true
}

// AddGiven makes a sum of a figure that rows may lack. Over rows of which one lacks it the sum is not known: it is absent.
func (g *Gauges) AddGiven(f *Family, v float64, given bool, labels ...string) {
	x, _ := g.slot(f, labels)
	x.value, x.sum, x.short = x.value+v, true, x.short || !given
}

// Least keeps the smallest value that is given.
func (g *Gauges) Least(f *Family, v float64, labels ...string) {
	x, fresh := g.slot(f, labels)
	if x.sum = true; fresh || v < x.value {
		x.value = v
	}
}

// Most keeps the largest value that is given.
func (g *Gauges) Most(f *Family, v float64, labels ...string) {
	x, fresh := g.slot(f, labels)
	if x.sum = true; fresh || v > x.value {
		x.value = v
	}
}

// TakeContradictions are the series that became ambiguous since it was last asked.
func (g *Gauges) TakeContradictions() []string {
	taken := g.contradictions
	g.contradictions = nil
	return taken
}

// DropSums unsets what was made of several rows: where some are missing it would be wrong.
func (g *Gauges) DropSums() {
	for _, x := range g.order {
		if x.sum && x.cycle == g.cycle {
			x.cycle--
		}
	}
}

// At is the place of a value, which is set by that.
func (g *Gauges) At(f *Family, labels ...string) *float64 {
	x, _ := g.slot(f, labels)
	return &x.value
}

// slot is a series, and whether it was not set in this cycle yet.
func (g *Gauges) slot(f *Family, labels []string) (x *gauge, fresh bool) {
	g.key = append(g.key[:0], f.Name...)
	for _, l := range labels {
		g.key = append(append(g.key, separator...), l...)
	}
	x = g.find()
	if x == nil || x.cycle != g.cycle {
		if g.live >= g.most || x == nil && g.size+len(g.key) > labelLimit+(g.most-seriesLimit)*labelRoom {
			g.touched, g.over = true, g.beyond()
			g.spare = gauge{}
			return &g.spare, true
		}
		g.live++
	}
	if x == nil {
		x = &gauge{family: f, key: string(g.key)}
		g.index[x.key] = x
		g.order = append(g.order, x)
		g.size += len(x.key)
	}
	if g.last != nil {
		g.last.then = x
	}
	g.last = x
	if x.cycle == g.cycle {
		return x, false
	}
	g.touched = true
	x.cycle, x.value, x.sum, x.short = g.cycle, 0, false, false
	return x, true
}

// find is the series with the key, nil where there is none. Where it follows the same one as before the index is not asked: that
// would take most of the time where series are tens of thousands.
func (g *Gauges) find() *gauge {
	if g.last != nil {
		if x := g.last.then; x != nil && !x.gone && x.key == string(g.key) {
			return x
		}
	}
	return g.index[string(g.key)]
}

// Beyond says what was more than is taken; what was set is then not whole.
func (g *Gauges) Beyond() error { return g.over }

// take sets what is set in another one.
func (g *Gauges) take(from *Gauges) {
	g.contradictions = append(g.contradictions, from.TakeContradictions()...)
	for _, x := range from.order {
		if x.cycle != from.cycle || from.ambiguous[x] {
			continue
		}
		mine := g.index[x.key]
		if mine == nil {
			mine = &gauge{family: x.family, key: x.key}
			g.index[x.key] = mine
			g.order = append(g.order, mine)
			g.size += len(x.key)
		}
		mine.value, mine.sum, mine.short, mine.cycle = x.value, x.sum, x.short, g.cycle
		g.touched = true
	}
}

// AppendTo gives the samples of what was set.
func (g *Gauges) AppendTo(samples []source.Sample) []source.Sample {
	for _, x := range g.order {
		if x.cycle == g.cycle && !x.short && !g.ambiguous[x] {
			if x.series == nil {
				x.series = NewSeries(x.family, g.site, "", 0, strings.Split(x.key, separator)[1:]...)
			}
			samples = append(samples, source.Sample{Series: x.series, Value: x.value})
		}
	}
	return append(samples, g.put...)
}

// sweep forgets the series that were set in neither of the last two cycles, once these are most: a cycle that failed half way
// forgets none.
func (g *Gauges) sweep() {
	const few = 256
	if len(g.order) < few {
		return
	}
	var kept []*gauge
	for _, x := range g.order {
		if x.cycle+1 >= g.cycle {
			kept = append(kept, x)
		}
	}
	if len(kept) > len(g.order)/2 {
		return
	}
	for _, x := range g.order {
		if x.cycle+1 < g.cycle {
			delete(g.index, x.key)
			x.gone, x.then = true, nil
			g.size -= len(x.key)
		}
	}
	g.order = kept
}
