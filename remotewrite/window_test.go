package remotewrite

import "slices"

// at are a column's points.
func (w *window) at(i int) []point { return new(walk).points(nil, w.timeline, &w.columns[i]) }

// altered is a window whose columns have other points; those that have none are left out.
func altered(w *window, points func(i int, was []point) []point) *window {
	var all []drawn
	for i := range w.columns {
		if now := points(i, w.at(i)); len(now) > 0 {
			all = append(all, drawn{w.columns[i].series, now, exemplarsAt(w, i)})
		}
	}
	out := windowOf(w.dict, all)
	out.records, out.repeated = w.records, w.repeated
	return out
}

func exemplarsAt(w *window, i int) (of []exemplar) {
	for _, o := range w.exemplarsOf(&w.columns[i]) {
		of = append(of, o.exemplar)
	}
	return of
}

// shifted moves the times of each column.
func shifted(w *window, ms func(column int) int64) *window {
	return altered(w, func(i int, points []point) []point {
		for k := range points {
			points[k].T += ms(i)
		}
		return points
	})
}

// only is a window of some of the columns.
func only(w *window, from, to int) *window {
	out := w.part(slices.Clone(w.columns[from:to]))
	out.oldest, out.newest = w.oldest, w.newest
	return out
}
