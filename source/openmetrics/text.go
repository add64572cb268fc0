// Package openmetrics writes batches as OpenMetrics 1.0 text.
//
// Families are together and sorted; of each metric all points are together and in order of time; a counter's family has no
// _total and an info's no _info; a unit is given only where the family's name ends with it; # EOF ends the text. It promises
// that Prometheus reads what it writes. It never knows where batches come from.
package openmetrics

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"backwire/source"
)

// Write writes what batches hold. Where two say the value of one series at one
// time, the later one is right. Stale markers have no text and are left out.
func Write(w io.Writer, batches []source.Batch) error {
	out := bufio.NewWriter(w)
	families := gatherFamilies(batches)
	for _, name := range sortedKeys(families) {
		families[name].write(out)
	}
	fmt.Fprintln(out, "# EOF")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// family is one metric and its label sets.
type family struct {
	name    string
	metric  *source.Metric
	metrics map[string]*labelSet
}

// labelSet is an OpenMetrics "metric": one label set, le apart, and its points. A histogram
// has many samples a point.
type labelSet struct {
	labels []source.Label
	start  int64
	points map[int64]map[string]*line // by time, then by the series' key
}

// line is one sample.
type line struct {
	series   *source.Series
	value    float64
	exemplar *source.Exemplar
}

func gatherFamilies(batches []source.Batch) map[string]*family {
	families := map[string]*family{}
	for i := range batches {
		for _, s := range batches[i].Samples {
			if !source.IsStale(s.Value) {
				familyOf(families, s.Series).at(batches[i].T, s.Series).value = s.Value
			}
		}
		for j := range batches[i].Exemplars {
			e := &batches[i].Exemplars[j]
			point := familyOf(families, e.Series).set(e.Series).points[batches[i].T]
			if point[e.Series.Key()] != nil {
				point[e.Series.Key()].exemplar = e
			}
		}
	}
	return families
}

func familyOf(families map[string]*family, s *source.Series) *family {
	name := familyName(s.Metric)
	if families[name] == nil {
		families[name] = &family{name: name, metric: s.Metric, metrics: map[string]*labelSet{}}
	}
	return families[name]
}

func familyName(m *source.Metric) string {
	switch m.Type {
	case source.Counter:
		return strings.TrimSuffix(m.Name, "_total")
	case source.Info:
		return strings.TrimSuffix(m.Name, "_info")
	}
	return m.Name
}

// set is the label set that a series belongs to.
func (f *family) set(s *source.Series) *labelSet {
	labels := s.Labels
	if f.metric.Type == source.Histogram {
		labels = slices.DeleteFunc(slices.Clone(labels), func(l source.Label) bool { return l.Name == "le" })
	}
	key := formatLabels(labels)
	if f.metrics[key] == nil {
		f.metrics[key] = &labelSet{labels: labels, start: s.Start, points: map[int64]map[string]*line{}}
	}
	return f.metrics[key]
}

func (f *family) at(t int64, s *source.Series) *line {
	set := f.set(s)
	if set.points[t] == nil {
		set.points[t] = map[string]*line{}
	}
	if set.points[t][s.Key()] == nil {
		set.points[t][s.Key()] = &line{series: s}
	}
	return set.points[t][s.Key()]
}

func (f *family) write(out *bufio.Writer) {
	fmt.Fprintf(out, "# TYPE %s %s\n", f.name, f.metric.Type)
	if unit := f.metric.Unit; unit != "" && strings.HasSuffix(f.name, "_"+unit) {
		fmt.Fprintf(out, "# UNIT %s %s\n", f.name, unit)
	}
	if f.metric.Help != "" {
		fmt.Fprintf(out, "# HELP %s %s\n", f.name, escape(f.metric.Help))
	}
	for _, key := range sortedKeys(f.metrics) {
		set := f.metrics[key]
		for _, t := range sortedKeys(set.points) {
			f.writePoint(out, set, t)
		}
	}
}

// writePoint writes all samples of one label set at one time.
func (f *family) writePoint(out *bufio.Writer, set *labelSet, t int64) {
	lines := make([]*line, 0, len(set.points[t]))
	for _, l := range set.points[t] {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, compareLines)
	for _, l := range lines {
		fmt.Fprintf(out, "%s%s %s %s", f.sampleName(l.series), formatLabels(l.series.Labels), formatValue(l.value), formatTime(t))
		if e := l.exemplar; e != nil {
			fmt.Fprintf(out, " # %s %s %s", formatExemplarLabels(e.Labels), formatValue(e.Value), formatTime(e.T))
		}
		fmt.Fprintln(out)
	}
	if set.start > 0 {
		fmt.Fprintf(out, "%s_created%s %s %s\n", f.name, formatLabels(set.labels), formatTime(set.start), formatTime(t))
	}
}

// sampleName is the name with the suffix that the type demands.
func (f *family) sampleName(s *source.Series) string {
	switch f.metric.Type {
	case source.Counter:
		return f.name + "_total"
	case source.Info:
		return f.name + "_info"
	}
	return s.Name
}

// compareLines orders a histogram's samples: the buckets by their bound, then count and sum.
func compareLines(a, b *line) int {
	return cmp.Or(
		cmp.Compare(upperBound(a.series), upperBound(b.series)),
		cmp.Compare(a.series.Name, b.series.Name),
	)
}

// upperBound of what is no bucket is above every bucket's, +Inf included: NaN would be below.
func upperBound(s *source.Series) float64 {
	bound, err := strconv.ParseFloat(s.Label("le"), 64)
	if err != nil {
		return math.Inf(1)
	}
	return bound
}

func formatLabels(labels []source.Label) string {
	if len(labels) == 0 {
		return ""
	}
	return formatExemplarLabels(labels)
}

// formatExemplarLabels writes braces even around nothing, as an exemplar needs them.
func formatExemplarLabels(labels []source.Label) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, l := range labels {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(l.Name)
		b.WriteString(`="`)
		b.WriteString(escape(l.Value))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// escape is the same for label values and for help texts in OpenMetrics.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(text)
}

// formatValue writes what a person can read: no exponent where a double holds every digit.
func formatValue(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 0):
		return fmt.Sprintf("%+v", v)
	case v == math.Trunc(v) && math.Abs(v) < 1<<53:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// formatTime writes milliseconds as seconds, exactly.
func formatTime(ms int64) string {
	text := fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
