package remotewrite

import (
	"cmp"
	"slices"

	"backwire/source"
)

const metricName = "__name__"

// labeler puts a series' labels in the order the protocol wants: sorted by name, with the metric's name among
// them and an endpoint's external labels added. Where a series has a label of the same name, its own wins.
type labeler struct {
	added []source.Label // sorted; __name__ is one of them, with no value
}

func newLabeler(external []source.Label) labeler {
	added := slices.DeleteFunc(slices.Clone(external), func(l source.Label) bool {
		return l.Name == metricName || l.Name == "" || l.Value == ""
	})
	added = append(added, source.Label{Name: metricName})
	slices.SortStableFunc(added, func(a, b source.Label) int { return cmp.Compare(a.Name, b.Name) })
	return labeler{slices.CompactFunc(added, func(a, b source.Label) bool { return a.Name == b.Name })}
}

// turn is one label of a series: the i-th of those added, or of its own.
type turn struct {
	added bool
	i     int
}

// order appends the labels' order to turns.
func (l labeler) order(turns []turn, d *dictionary, s *dictSeries) []turn {
	next := 0
	for i := 0; i < len(s.labels); i += 2 {
		name := d.symbols[s.labels[i]]
		for next < len(l.added) && l.added[next].Name < name {
			turns = append(turns, turn{true, next})
			next++
		}
		if next < len(l.added) && l.added[next].Name == name {
			next++
		}
		turns = append(turns, turn{false, i})
	}
	for ; next < len(l.added); next++ {
		turns = append(turns, turn{true, next})
	}
	return turns
}
