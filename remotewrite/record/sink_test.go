package record

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"backwire/source"
)

// notebook is a sink that writes down what every series did.
type notebook struct {
	series map[[2]int]*noted // by site and series
}

type noted struct {
	points    []notedPoint
	exemplars []Exemplar
}

type notedPoint struct {
	t int64
	v float64
}

func newNotebook() *notebook { return &notebook{series: map[[2]int]*noted{}} }

func (n *notebook) Enter(*Image) {}

func (n *notebook) Batch(b Batch) error {
	note := func(ref uint32, v float64) {
		key := [2]int{b.Site, int(ref)}
		if n.series[key] == nil {
			n.series[key] = &noted{}
		}
		n.series[key].points = append(n.series[key].points, notedPoint{b.T, v})
	}
	for ref := range b.Points.All() {
		note(ref, math.Float64frombits(b.Values[ref]))
	}
	for ref := range b.Ended.All() {
		note(ref, source.Stale())
	}
	return nil
}

func (n *notebook) Exemplar(series uint32, e Exemplar) error {
	for key, of := range n.series {
		if key[1] == int(series) {
			of.exemplars = append(of.exemplars, e)
		}
	}
	return nil
}

// sorted are the series, site by site.
func (n *notebook) sorted() [][2]int {
	var keys [][2]int
	for key, of := range n.series {
		slices.SortStableFunc(of.points, func(a, b notedPoint) int { return cmp.Compare(a.t, b.t) })
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	return keys
}

// describe says what a record does to an image, in words.
func describe(u *Unpacker, block []byte) (string, error) {
	var out strings.Builder
	n := newNotebook()
	if err := u.Apply(block, n); err != nil {
		return "", err
	}
	for _, at := range n.sorted() {
		ref := uint32(at[1])
		key := strings.ReplaceAll(u.Dict.Source(ref, map[uint32]*source.Metric{}).Key(), "\xff", " ")
		fmt.Fprintf(&out, "  %s start %d:", key, u.Dict.Series[ref].Start)
		for _, p := range n.series[at].points {
			fmt.Fprintf(&out, " %d=%v", p.t, stale(p.v))
		}
		for _, e := range n.series[at].exemplars {
			fmt.Fprintf(&out, " exemplar %v %d=%v", e.Labels, e.T, e.V)
		}
		out.WriteByte('\n')
	}
	for _, s := range u.sites {
		fmt.Fprintf(&out, "  site %s at %d, %d present, state %.60q\n", s.name, s.t, s.present.Len(), s.state)
	}
	fmt.Fprintf(&out, "  before %v past %+v had %+v\n", u.Before, u.Past, u.Had)
	return out.String(), nil
}

func stale(v float64) string {
	if source.IsStale(v) {
		return "stale"
	}
	return fmt.Sprint(v)
}
