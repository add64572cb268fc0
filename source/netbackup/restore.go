package netbackup

import (
	"strconv"

	"backwire/source"
	"backwire/source/collect"
	"backwire/source/netbackup/compat"
)

// restore takes a series of the checkpoint back into its cell. It answers false for one
// that this catalogue does not know, which is left to end.
func (t *counters) restore(s source.Sample) bool {
	f := t.c.named(s.Series.Metric.Name)
	if f == nil || !f.Durable || hasCompatLabel(f) != (s.Series.Label(compat.LabelJobType) != "") {
		return false // where that exporter's names come or go, the histogram begins again
	}
	values := make([]string, len(f.Labels))
	for i, name := range f.Labels {
		values[i] = s.Series.Label(name)
	}
	place := t.place(f, values, s.Series)
	if place == nil {
		return false
	}
	if *place == nil {
		suffix := s.Series.Name[len(f.Name):]
		if suffix == suffixBucket {
			values = append(values, s.Series.Label("le"))
		}
		*place = t.add(collect.NewSeries(f, t.site, suffix, s.Series.Start, values...))
	}
	(*place).value = s.Value
	return true
}

// place is where the cell of a series belongs, nil where that is not here.
func (t *counters) place(f *collect.Family, v []string, s *source.Series) **cell {
	switch f {
	case t.c.completed:
		return t.completedPlace(v)
	case t.c.bytes:
		return &t.workOf(workKey{v[0], v[1], v[2]}).bytes
	case t.c.moved:
		return &t.workOf(workKey{v[0], v[1], v[2]}).moved
	case t.c.files:
		return &t.workOf(workKey{v[0], v[1], v[2]}).files
	case t.c.retries:
		return &t.workOf(workKey{v[0], v[1], v[2]}).retries
	case t.c.duration, t.c.queueWait:
		return t.timingPlace(f, v, s)
	case t.c.jobProblems:
		return t.problemOf(v[0])
	case t.c.rowsUnreadable:
		return &t.unreadableOf(v[0]).cell
	}
	return t.singlePlace(f)
}

func (t *counters) singlePlace(f *collect.Family) **cell {
	switch f {
	case t.c.catalogBackup:
		return &t.catalogBackup
	case t.c.unseen:
		return &t.unseen
	case t.c.resets:
		return &t.resets
	case t.c.overflow:
		return &t.overflow
	case t.c.folded:
		return &t.folded
	}
	return nil
}

func (t *counters) completedPlace(v []string) **cell {
	k := t.kind(kindKey{v[0], v[1], v[2], v[3]})
	status := int64(absent)
	if v[5] != "" {
		var err error
		if status, err = strconv.ParseInt(v[5], 10, 32); err != nil {
			return nil
		}
	}
	k.completed = append(k.completed, completed{status: int32(status), parent: v[6] == "true"})
	return &k.completed[len(k.completed)-1].cell
}

func (t *counters) timingPlace(f *collect.Family, v []string, s *source.Series) **cell {
	g := t.timingOf(timingKey{v[0], v[1]})
	h := &g.duration
	if f == t.c.queueWait {
		h = &g.wait
	}
	if *h == nil {
		*h = newHistogram(f)
	}
	switch s.Name[len(f.Name):] {
	case suffixSum:
		return &(*h).sum
	case suffixCount:
		return &(*h).count
	}
	for i := range (*h).buckets {
		if le(f, i) == s.Label("le") {
			return &(*h).buckets[i]
		}
	}
	return nil
}

// mend completes the histograms of the checkpoint that lack series, as after an upgrade
// that added a bucket or a record that was lost: a missing bucket holds what the one below
// it holds.
func (t *counters) mend() {
	for k, g := range t.timings {
		t.mendHistogram(g.duration, t.c.duration, k)
		t.mendHistogram(g.wait, t.c.queueWait, k)
	}
}

func (t *counters) mendHistogram(h *histogram, f *collect.Family, k timingKey) {
	if h == nil {
		return
	}
	values := timingLabels(f, k.jobType, k.policyType)
	var below float64
	for i, c := range h.buckets {
		if c == nil {
			c = t.suffixed(f, suffixBucket, append(values, le(f, i))...)
			c.value = below
			h.buckets[i] = c
		}
		below = c.value
	}
	if h.sum == nil {
		h.sum = t.suffixed(f, suffixSum, values...)
	}
	if h.count == nil {
		h.count = t.suffixed(f, suffixCount, values...)
		h.count.value = below
	}
}

func (c *catalogue) named(name string) *collect.Family {
	for _, f := range c.all {
		if f.Name == name {
			return f
		}
	}
	return nil
}
