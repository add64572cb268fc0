package remotewrite

import (
	"strconv"
	"strings"
	"time"

	"backwire/source"
)

// Rejection is what a receiver refused for good, with its words.
type Rejection struct {
	Time     time.Time        `json:"time"`
	Endpoint string           `json:"endpoint"`
	Status   int              `json:"status"`
	Words    string           `json:"words"`   // the body of the answer, at most 2 KiB
	Samples  int              `json:"samples"` // how many were refused; fewer than Series hold where the receiver told only their number
	Series   []RejectedSeries `json:"series"`

	id string // in the store it was read from
}

// RejectedSeries is a series as it was sent, external labels left out, and its refused samples.
type RejectedSeries struct {
	Name   string          `json:"name"`
	Labels []source.Label  `json:"labels"`
	Start  int64           `json:"start,omitempty"` // ms since the epoch
	Metric RejectedMetric  `json:"metric"`
	Points []RejectedPoint `json:"points"`
}

// RejectedMetric is what was said of a series' metric.
type RejectedMetric struct {
	Name string      `json:"name"` // without a histogram's suffix
	Type source.Type `json:"type"` // 1 gauge, 2 counter, 3 histogram, 4 info
	Unit string      `json:"unit,omitempty"`
	Help string      `json:"help,omitempty"`
}

// String writes the series as PromQL would.
func (s *RejectedSeries) String() string {
	var b strings.Builder
	b.WriteString(s.Name)
	for i, l := range s.Labels {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(l.Name + "=" + strconv.Quote(l.Value))
	}
	if len(s.Labels) > 0 {
		b.WriteByte('}')
	}
	return b.String()
}

// RejectedPoint is a refused sample.
type RejectedPoint struct {
	T int64 // ms since the epoch
	V float64
}

// Rejected keeps rejections, so that people can look at what was refused.
type Rejected interface {
	Reject(Rejection) error
}

// rejectedSeries copies a span out of a window.
func rejectedSeries(w *window, sp span) []RejectedSeries {
	var out []RejectedSeries
	var points []point
	var k walk
	for i := sp.from.column; i <= sp.to.column && i < len(w.columns); i++ {
		c := &w.columns[i]
		from, to := sp.points(i, c.len())
		if from >= to {
			continue
		}
		s := &w.dict.series[c.series]
		m := &w.dict.metrics[s.metric]
		r := RejectedSeries{Name: w.dict.symbol(s.name), Start: s.start, Metric: RejectedMetric{
			w.dict.symbol(m.name), m.kind, w.dict.symbol(m.unit), w.dict.symbol(m.help),
		}}
		r.Labels = w.dict.sourceLabels(s)
		cut := c.cut(from, to)
		points = k.course(w.timeline, &cut).points(points[:0])
		for _, p := range points {
			r.Points = append(r.Points, RejectedPoint(p))
		}
		out = append(out, r)
	}
	return out
}
