package collect

import "backwire/source"

// Family is one metric of the catalogue: what its series have in common, the names of
// their labels beside site, and the collector that reads it.
type Family struct {
	*source.Metric
	Section   string
	Collector string
	Labels    []string
	Buckets   []float64 // upper bounds of a histogram, ascending, without +Inf
}

// Group declares metrics of one section and one collector.
type Group struct {
	all                *[]*Family // where they are added
	section, collector string
}

// NewGroup adds what it declares to all.
func NewGroup(all *[]*Family, section, collector string) Group { return Group{all, section, collector} }

// Gauge declares a gauge that ends when it cannot be read.
func (g Group) Gauge(name, unit, help string, labels ...string) *Family {
	return g.put(source.Metric{Name: name, Type: source.Gauge, Unit: unit, Help: help}, labels)
}

// Memory is a gauge that is kept over restarts and emitted although nobody answers.
func (g Group) Memory(name, unit, help string, labels ...string) *Family {
	return g.put(source.Metric{Name: name, Type: source.Gauge, Unit: unit, Help: help, Durable: true}, labels)
}

// Info declares facts, whose value is 1.
func (g Group) Info(name, help string, labels ...string) *Family {
	return g.put(source.Metric{Name: name, Type: source.Info, Help: help}, labels)
}

// Counter declares a counter, which is kept over restarts.
func (g Group) Counter(name, unit, help string, labels ...string) *Family {
	return g.put(source.Metric{Name: name, Type: source.Counter, Unit: unit, Help: help, Durable: true}, labels)
}

// Histogram declares a histogram with upper bounds in ascending order, without +Inf.
func (g Group) Histogram(name, unit, help string, buckets []float64, labels ...string) *Family {
	f := g.put(source.Metric{Name: name, Type: source.Histogram, Unit: unit, Help: help, Durable: true}, labels)
	f.Buckets = buckets
	return f
}

func (g Group) put(m source.Metric, labels []string) *Family {
	f := &Family{Metric: &m, Section: g.section, Collector: g.collector, Labels: labels}
	*g.all = append(*g.all, f)
	return f
}

// NewSeries makes a series of a family. The values are those of its labels in their order;
// one more is le.
func NewSeries(f *Family, site, suffix string, start int64, values ...string) *source.Series {
	labels := make([]source.Label, 0, len(values)+1)
	labels = append(labels, source.Label{Name: "site", Value: site})
	for i, v := range values {
		name := "le"
		if i < len(f.Labels) {
			name = f.Labels[i]
		}
		labels = append(labels, source.Label{Name: name, Value: v})
	}
	return source.NewSeries(f.Metric, suffix, start, labels...)
}
