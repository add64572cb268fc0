package wire

import (
	"cmp"
	"slices"

	"backwire/remotewrite/record"
	"backwire/source"
)

const metricName = "__name__"

// labeler puts a series' labels in the order the protocol wants: sorted by name, with the metric's name among
// them and an endpoint's external labels added. Where a series has a label of the same name, its own wins.
type labeler struct {
	added []source.Label // sorted; __name__ is one of them, with no value

	dict   *record.Dictionary // that orders are about
	orders [][]origin         // by shape; nil where it is not yet known
}

func newLabeler(external []source.Label) *labeler {
	added := slices.DeleteFunc(slices.Clone(external), func(l source.Label) bool {
		return l.Name == metricName || l.Name == "" || l.Value == ""
	})
	added = append(added, source.Label{Name: metricName})
	slices.SortStableFunc(added, func(a, b source.Label) int { return cmp.Compare(a.Name, b.Name) })
	return &labeler{added: slices.CompactFunc(added, func(a, b source.Label) bool { return a.Name == b.Name })}
}

// origin is one label of a series: the i-th of those added, or of its own.
type origin struct {
	added bool
	i     int
}

// order is that of a series' labels, and of all with the same label names: it is found out once.
func (l *labeler) order(d *record.Dictionary, s *record.Series) []origin {
	if l.dict != d {
		l.dict, l.orders = d, l.orders[:0]
	}
	for int(s.Shape) >= len(l.orders) {
		l.orders = append(l.orders, nil)
	}
	if l.orders[s.Shape] == nil {
		l.orders[s.Shape] = l.merged(d, d.Shape(s.Shape))
	}
	return l.orders[s.Shape]
}

// merged is never empty: __name__ is added to every series.
func (l *labeler) merged(d *record.Dictionary, names []uint32) []origin {
	turns := make([]origin, 0, len(names)+len(l.added))
	next := 0
	for i, ref := range names {
		name := d.Symbol(ref)
		for next < len(l.added) && l.added[next].Name < name {
			turns = append(turns, origin{true, next})
			next++
		}
		if next < len(l.added) && l.added[next].Name == name {
			next++
		}
		turns = append(turns, origin{false, i})
	}
	for ; next < len(l.added); next++ {
		turns = append(turns, origin{true, next})
	}
	return turns
}
