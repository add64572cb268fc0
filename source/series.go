package source

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Type is a metric's type, in the words of the OpenMetrics specification.
type Type uint8

// The types that backwire produces.
const (
	Gauge Type = iota + 1
	Counter
	Histogram // a classic histogram: the series carry the suffixes _bucket, _sum and _count
	Info
)

// String is the type as the exposition formats spell it.
func (t Type) String() string {
	switch t {
	case Gauge:
		return "gauge"
	case Counter:
		return "counter"
	case Histogram:
		return "histogram"
	case Info:
		return "info"
	}
	return "unknown"
}

// Metric is a metric family: what all its series have in common.
type Metric struct {
	Name string
	Type Type
	Unit string // the base unit ("seconds", "bytes", "ratio"), empty where there is none
	Help string

	// Durable says that the last value of each series is state until the series ends: it is
	// handed back after a restart, however long ago it was written. Counters and histograms
	// are durable, and so are gauges that remember, such as a client's last success.
	Durable bool
}

// Label is one name and its value.
type Label struct{ Name, Value string }

// Series is one time series of a metric. It is immutable, so that it may be shared
// between goroutines; whoever produces it every cycle keeps the pointer, because
// the same pointer at the same place of a batch is the fast path of the queue.
type Series struct {
	Metric *Metric
	Name   string  // the value of __name__: the metric's name and, for a histogram, its suffix
	Labels []Label // sorted by name, unique, none empty, without __name__
	Start  int64   // when a counter or histogram began to count, in ms since the epoch; 0 for gauges
}

// NewSeries returns the series of m with these labels. Labels with an empty value are
// left out, because an empty label is an absent one (Remote-Write 1.0, "Labels").
// The suffix is empty but for histograms.
func NewSeries(m *Metric, suffix string, start int64, labels ...Label) *Series {
	s := &Series{Metric: m, Name: m.Name + suffix, Start: start}
	s.Labels = slices.DeleteFunc(slices.Clone(labels), func(l Label) bool { return l.Value == "" })
	slices.SortFunc(s.Labels, func(a, b Label) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

// Of is the series of another metric that has the same labels, which both share.
func (s *Series) Of(m *Metric) *Series { return &Series{Metric: m, Name: m.Name, Labels: s.Labels} }

// Key identifies the series: two series are the same exactly when their keys are equal. It is made anew by each call and not kept:
// it would be a quarter of what a series holds, and is asked for seldom.
func (s *Series) Key() string { return seriesKey(s.Name, s.Labels) }

// Label is the value of a label, empty where the series has none of that name.
func (s *Series) Label(name string) string {
	for _, l := range s.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// BucketBound is the upper bound of a histogram's bucket as its label le has it: a whole number keeps its point, and the last one
// is +Inf (OpenMetrics 1.0, "Numbers").
func BucketBound(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// seriesKey joins by a byte that valid UTF-8 never holds.
func seriesKey(name string, labels []Label) string {
	const separator = 0xff
	n := len(name)
	for _, l := range labels {
		n += len(l.Name) + len(l.Value) + 2
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteString(name)
	for _, l := range labels {
		b.WriteByte(separator)
		b.WriteString(l.Name)
		b.WriteByte(separator)
		b.WriteString(l.Value)
	}
	return b.String()
}
