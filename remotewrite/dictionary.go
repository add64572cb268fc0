package remotewrite

import "backwire/source"

// dictionary is what one segment of the log has said so far: every string, metric and
// series once, referred to by index from then on. It grows only at its end and what it
// holds never changes, so that whatever is remembered by index stays right for as long
// as the pointer is the same: the next segment has a new dictionary.
type dictionary struct {
	symbols []string // no string twice; the empty string is one only where it was needed
	metrics []dictMetric
	series  []dictSeries
}

// dictMetric is a source.Metric by reference.
type dictMetric struct {
	name, unit, help uint32 // symbols
	kind             source.Type
	durable          bool
}

// dictSeries is a source.Series by reference.
type dictSeries struct {
	metric uint32   // index into metrics
	name   uint32   // symbol: the value of __name__, the metric's name with the histogram's suffix
	start  int64    // ms since the epoch; 0 where the series has none
	labels []uint32 // symbols, name and value in turn; sorted by name, without __name__
}

// symbol is the string behind a reference.
func (d *dictionary) symbol(ref uint32) string { return d.symbols[ref] }
