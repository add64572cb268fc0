package send

import (
	"regexp"

	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
)

// selection is which metrics an endpoint sends: those whose name keep matches, if there is one, and drop
// does not. A metric goes whole: a histogram with all its series, and with stale markers, exemplars and metadata.
type selection struct {
	keep, drop *regexp.Regexp

	dict   *record.Dictionary // that wanted is about
	wanted []bool             // by metric
}

// filter takes out of a window what is not sent, and returns how many samples that were.
func (s *selection) filter(w *window.Window) int {
	if s.keep == nil && s.drop == nil {
		return 0
	}
	s.learn(w.Dict)
	before := w.Samples
	w.Retain(func(series uint32) bool { return s.wanted[w.Dict.Series[series].Metric] })
	return before - w.Samples
}

// learn looks at each metric's name once a segment.
func (s *selection) learn(d *record.Dictionary) {
	if s.dict != d {
		s.dict, s.wanted = d, s.wanted[:0]
	}
	for _, m := range d.Metrics[len(s.wanted):] {
		s.wanted = append(s.wanted, s.wants(d.Symbol(m.Name)))
	}
}

func (s *selection) wants(metric string) bool {
	return (s.keep == nil || s.keep.MatchString(metric)) && (s.drop == nil || !s.drop.MatchString(metric))
}

// Wants says whether the endpoint sends a metric.
func (c *Config) Wants(metric string) bool {
	s := selection{keep: c.Keep, drop: c.Drop}
	return s.wants(metric)
}
