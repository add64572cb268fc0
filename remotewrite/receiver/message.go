package receiver

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"github.com/gogo/protobuf/proto"
	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// Version is a version of the protocol.
type Version string

// The versions, as their header spells them.
const (
	V1 Version = "0.1.0"
	V2 Version = "2.0.0"
)

// maxDecoded is how much a request may hold before compression; Prometheus's own limit.
const maxDecoded = 32 << 20

// message is a request of either version: what both have in common.
type message struct {
	series   []Series
	families []Metadata // 1.0 sends metadata beside the series
	problems []error    // what made a series unreadable
}

// statusError is a refusal with its status code.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func refuse(status int, format string, args ...any) error {
	return &statusError{status, fmt.Errorf(format, args...)}
}

// checkHeaders tells the version, or why the headers are wrong.
func checkHeaders(r *http.Request) (Version, error) {
	h := r.Header
	switch {
	case r.Method != http.MethodPost:
		return "", refuse(http.StatusMethodNotAllowed, "method %s, want POST", r.Method)
	case len(h.Values("Content-Encoding")) != 1 || h.Get("Content-Encoding") != "snappy":
		return "", refuse(http.StatusUnsupportedMediaType, "Content-Encoding %q, want snappy", h.Values("Content-Encoding"))
	case h.Get("User-Agent") == "":
		return "", refuse(http.StatusBadRequest, "no User-Agent")
	case len(h.Values("Content-Type")) != 1 || len(h.Values("X-Prometheus-Remote-Write-Version")) != 1:
		return "", refuse(http.StatusUnsupportedMediaType, "Content-Type and X-Prometheus-Remote-Write-Version must be there exactly once")
	}
	v := Version(h.Get("X-Prometheus-Remote-Write-Version"))
	switch ct := h.Get("Content-Type"); {
	case v == V1 && ct == "application/x-protobuf":
	case v == V2 && ct == "application/x-protobuf;proto=io.prometheus.write.v2.Request":
	default:
		return "", refuse(http.StatusUnsupportedMediaType, "Content-Type %q does not go with version %q", ct, v)
	}
	return v, nil
}

// decompress is strict about the block format: the framed one is refused by name.
func decompress(body []byte) ([]byte, error) {
	if bytes.HasPrefix(body, []byte("\xff\x06\x00\x00sNaPpY")) {
		return nil, refuse(http.StatusBadRequest, "snappy framed format, want the block format")
	}
	n, err := snappy.DecodedLen(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "snappy: %w", err)
	}
	if n > maxDecoded {
		return nil, refuse(http.StatusRequestEntityTooLarge, "%d bytes decoded, at most %d", n, maxDecoded)
	}
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "snappy: %w", err)
	}
	return raw, nil
}

// decode reads the message of one version.
func decode(v Version, raw []byte) (message, error) {
	if v == V1 {
		return decodeV1(raw)
	}
	return decodeV2(raw)
}

func decodeV1(raw []byte) (message, error) {
	var req prompb.WriteRequest
	if err := proto.Unmarshal(raw, &req); err != nil {
		return message{}, refuse(http.StatusBadRequest, "decode WriteRequest: %w", err)
	}
	var m message
	for _, ts := range req.Timeseries {
		s := Series{Labels: labelsV1(ts.Labels), histograms: len(ts.Histograms)}
		for _, p := range ts.Samples {
			s.Points = append(s.Points, Point{T: p.Timestamp, V: p.Value})
		}
		for _, e := range ts.Exemplars {
			s.Exemplars = append(s.Exemplars, Exemplar{Labels: labelsV1(e.Labels), T: e.Timestamp, V: e.Value})
		}
		m.series = append(m.series, s)
	}
	for _, f := range req.Metadata {
		m.families = append(m.families, Metadata{Family: f.MetricFamilyName, Type: typeName(int32(f.Type)), Help: f.Help, Unit: f.Unit})
	}
	return m, nil
}

func labelsV1(ls []prompb.Label) []Label {
	out := make([]Label, len(ls))
	for i, l := range ls {
		out[i] = Label{l.Name, l.Value}
	}
	return out
}

func decodeV2(raw []byte) (message, error) {
	var req writev2.Request
	if err := proto.Unmarshal(raw, &req); err != nil {
		return message{}, refuse(http.StatusBadRequest, "decode Request: %w", err)
	}
	if err := checkSymbols(req.Symbols); err != nil {
		return message{}, refuse(http.StatusBadRequest, "%w", err)
	}
	var m message
	for i := range req.Timeseries {
		s, err := seriesV2(req.Symbols, &req.Timeseries[i])
		if err != nil {
			m.problems = append(m.problems, fmt.Errorf("series %d: %w", i, err))
			continue
		}
		m.series = append(m.series, s)
	}
	return m, nil
}

func checkSymbols(symbols []string) error {
	if len(symbols) == 0 || symbols[0] != "" {
		return errors.New("symbols[0] is not the empty string")
	}
	seen := make(map[string]bool, len(symbols))
	for _, s := range symbols {
		if seen[s] {
			return fmt.Errorf("symbol %q is there twice", s)
		}
		seen[s] = true
	}
	return nil
}

func seriesV2(symbols []string, ts *writev2.TimeSeries) (Series, error) {
	s := Series{histograms: len(ts.Histograms)}
	var err error
	if s.Labels, err = labelsV2(symbols, ts.LabelsRefs); err != nil {
		return s, err
	}
	for _, p := range ts.Samples {
		s.Points = append(s.Points, Point{T: p.Timestamp, V: p.Value, Start: p.StartTimestamp})
	}
	for _, e := range ts.Exemplars {
		ls, err := labelsV2(symbols, e.LabelsRefs)
		if err != nil {
			return s, fmt.Errorf("exemplar: %w", err)
		}
		s.Exemplars = append(s.Exemplars, Exemplar{Labels: ls, T: e.Timestamp, V: e.Value})
	}
	s.Metadata, err = metadataV2(symbols, ts.Metadata)
	return s, err
}

func labelsV2(symbols []string, refs []uint32) ([]Label, error) {
	if len(refs)%2 != 0 {
		return nil, fmt.Errorf("%d label refs, an odd number", len(refs))
	}
	out := make([]Label, 0, len(refs)/2)
	for i := 0; i < len(refs); i += 2 {
		name, err := symbol(symbols, refs[i])
		if err != nil {
			return nil, err
		}
		value, err := symbol(symbols, refs[i+1])
		if err != nil {
			return nil, err
		}
		out = append(out, Label{name, value})
	}
	return out, nil
}

func symbol(symbols []string, ref uint32) (string, error) {
	if int64(ref) >= int64(len(symbols)) {
		return "", fmt.Errorf("symbol ref %d, but there are %d symbols", ref, len(symbols))
	}
	return symbols[ref], nil
}

func metadataV2(symbols []string, md writev2.Metadata) (Metadata, error) {
	help, err := symbol(symbols, md.HelpRef)
	if err != nil {
		return Metadata{}, fmt.Errorf("help: %w", err)
	}
	unit, err := symbol(symbols, md.UnitRef)
	if err != nil {
		return Metadata{}, fmt.Errorf("unit: %w", err)
	}
	return Metadata{Type: typeName(int32(md.Type)), Help: help, Unit: unit}, nil
}

// typeName spells a metric type; both versions number them alike.
func typeName(n int32) string {
	names := [...]string{"unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"}
	if n < 0 || int(n) >= len(names) {
		return fmt.Sprintf("invalid type %d", n)
	}
	return names[n]
}
