package send

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
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

	ID string `json:"-"` // in the store it was read from
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

// staleWord stands for a stale marker, which is a NaN like any other once it is written in decimal.
const staleWord = "stale"

// MarshalJSON writes the time and the value, the value as a string: JSON has no NaN and no infinity.
func (p RejectedPoint) MarshalJSON() ([]byte, error) {
	v := strconv.FormatFloat(p.V, 'g', -1, 64)
	if source.IsStale(p.V) {
		v = staleWord
	}
	return json.Marshal([]any{p.T, v})
}

// UnmarshalJSON is the reverse.
func (p *RejectedPoint) UnmarshalJSON(b []byte) error {
	var v string
	if err := json.Unmarshal(b, &[]any{&p.T, &v}); err != nil {
		return err
	}
	if v == staleWord {
		p.V = source.Stale()
		return nil
	}
	var err error
	p.V, err = strconv.ParseFloat(v, 64)
	return err
}

// Rejected keeps rejections, so that people can look at what was refused.
type Rejected interface {
	Reject(Rejection) error
}

// rejectedSeries copies a span out of a window.
func rejectedSeries(w *window.Window, sp window.Span) []RejectedSeries {
	var out []RejectedSeries
	var points []window.Point
	var k window.Walk
	for i := sp.From.Column; i <= sp.To.Column && i < len(w.Columns); i++ {
		c := &w.Columns[i]
		from, to := sp.Points(i, c.Len())
		if from >= to {
			continue
		}
		s := &w.Dict.Series[c.Series]
		m := &w.Dict.Metrics[s.Metric]
		r := RejectedSeries{Name: w.Dict.Symbol(s.Name), Start: s.Start, Metric: RejectedMetric{
			w.Dict.Symbol(m.Name), m.Kind, w.Dict.Symbol(m.Unit), w.Dict.Symbol(m.Help),
		}}
		r.Labels = w.Dict.SourceLabels(s)
		cut := c.Cut(from, to)
		points = k.Runs(w, &cut).Points(points[:0])
		for _, p := range points {
			r.Points = append(r.Points, RejectedPoint(p))
		}
		out = append(out, r)
	}
	return out
}

// Window is a rejection as it came from the queue once.
func (r *Rejection) Window() *window.Window {
	series, all := make([]*source.Series, len(r.Series)), make([]window.Series, len(r.Series))
	for i := range r.Series {
		s := &r.Series[i]
		series[i] = &source.Series{
			Metric: &source.Metric{Name: s.Metric.Name, Type: s.Metric.Type, Unit: s.Metric.Unit, Help: s.Metric.Help},
			Name:   s.Name, Start: s.Start, Labels: s.Labels,
		}
		all[i].Ref = uint32(i)
		for _, p := range s.Points {
			all[i].Points = append(all[i].Points, window.Point(p))
		}
	}
	return window.Of(record.Define(series...), all)
}

// EncodeLine is a line of a file of rejections, or of parked samples: a checksum (CRC32C, eight hexadecimal digits), a space, and JSON.
func EncodeLine(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", LineSum(b), b), nil
}

// LineSum is the checksum of a line's JSON.
func LineSum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
