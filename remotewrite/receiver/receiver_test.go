package receiver_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/receiver"

	"github.com/gogo/protobuf/proto"
	"github.com/golang/snappy"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

func headers(v receiver.Version) http.Header {
	h := http.Header{}
	h.Set("Content-Encoding", "snappy")
	h.Set("Content-Type", "application/x-protobuf")
	if v == receiver.V2 {
		h.Set("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
	}
	h.Set("X-Prometheus-Remote-Write-Version", string(v))
	h.Set("User-Agent", "test")
	return h
}

func push(r http.Handler, h http.Header, body []byte) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	req.Header = h
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

func block(t *testing.T, m proto.Message) []byte {
	t.Helper()
	raw, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return snappy.Encode(nil, raw)
}

func validV1() *prompb.WriteRequest {
	return &prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{{
			Labels:    []prompb.Label{{Name: "__name__", Value: "jobs_total"}, {Name: "site", Value: "paris"}},
			Samples:   []prompb.Sample{{Timestamp: 1000, Value: 1}, {Timestamp: 2000, Value: 2}},
			Exemplars: []prompb.Exemplar{{Labels: []prompb.Label{{Name: "job_id", Value: "7"}}, Timestamp: 1500, Value: 3}},
		}},
		Metadata: []prompb.MetricMetadata{{MetricFamilyName: "jobs_total", Type: prompb.MetricMetadata_COUNTER, Help: "Jobs."}},
	}
}

func validV2() *writev2.Request {
	return &writev2.Request{
		Symbols: []string{"", "__name__", "jobs_total", "site", "paris", "Jobs.", "job_id", "7"},
		Timeseries: []writev2.TimeSeries{{
			LabelsRefs: []uint32{1, 2, 3, 4},
			Samples:    []writev2.Sample{{Timestamp: 1000, Value: 1, StartTimestamp: 500}, {Timestamp: 2000, Value: 2, StartTimestamp: 500}},
			Exemplars:  []writev2.Exemplar{{LabelsRefs: []uint32{6, 7}, Timestamp: 1500, Value: 3}},
			Metadata:   writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER, HelpRef: 5},
		}},
	}
}

func TestStoresBothVersions(t *testing.T) {
	r := receiver.New(receiver.Options{})
	if w := push(r, headers(receiver.V1), block(t, validV1())); w.Code != http.StatusNoContent || len(w.Header()) != 0 {
		t.Fatalf("1.0: %d %v %s", w.Code, w.Header(), w.Body)
	}
	want := receiver.Series{
		Labels:    []receiver.Label{{Name: "__name__", Value: "jobs_total"}, {Name: "site", Value: "paris"}},
		Points:    []receiver.Point{{T: 1000, V: 1}, {T: 2000, V: 2}},
		Exemplars: []receiver.Exemplar{{Labels: []receiver.Label{{Name: "job_id", Value: "7"}}, T: 1500, V: 3}},
	}
	compare(t, want, r.Series())
	if f, _ := r.Family("jobs_total"); f.Type != "counter" || f.Help != "Jobs." {
		t.Errorf("family %+v", f)
	}

	r = receiver.New(receiver.Options{})
	w := push(r, headers(receiver.V2), block(t, validV2()))
	if w.Code != http.StatusNoContent || w.Header().Get("X-Prometheus-Remote-Write-Samples-Written") != "2" ||
		w.Header().Get("X-Prometheus-Remote-Write-Exemplars-Written") != "1" {
		t.Fatalf("2.0: %d %v %s", w.Code, w.Header(), w.Body)
	}
	want.Points = []receiver.Point{{T: 1000, V: 1, Start: 500}, {T: 2000, V: 2, Start: 500}}
	want.Metadata = receiver.Metadata{Type: "counter", Help: "Jobs."}
	compare(t, want, r.Series())
	if got := r.Requests(); len(got) != 1 || got[0].Samples != 2 || got[0].Status != 204 || got[0].Version != receiver.V2 {
		t.Errorf("requests %+v", got)
	}
}

func compare(t *testing.T, want receiver.Series, got []receiver.Series) {
	t.Helper()
	ignore := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".histograms" }, cmp.Ignore())
	if d := cmp.Diff([]receiver.Series{want}, got, ignore); d != "" {
		t.Errorf("stored series (-want +got):\n%s", d)
	}
	if k := got[0].Key(); k != `jobs_total{site="paris"}` {
		t.Errorf("key %s", k)
	}
}

func TestHeadersAreChecked(t *testing.T) {
	set := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	cases := map[string]struct {
		reason string
		spoil  func(http.Header)
	}{
		"no encoding":     {`want snappy`, func(h http.Header) { h.Del("Content-Encoding") }},
		"gzip":            {`want snappy`, set("Content-Encoding", "gzip")},
		"no type":         {`exactly once`, func(h http.Header) { h.Del("Content-Type") }},
		"json":            {`does not go with`, set("Content-Type", "application/json")},
		"type of 2.0":     {`does not go with`, set("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")},
		"two types":       {`exactly once`, func(h http.Header) { h.Add("Content-Type", "text/plain") }},
		"no version":      {`exactly once`, func(h http.Header) { h.Del("X-Prometheus-Remote-Write-Version") }},
		"version of 2.0":  {`does not go with`, set("X-Prometheus-Remote-Write-Version", "2.0.0")},
		"unknown version": {`does not go with`, set("X-Prometheus-Remote-Write-Version", "0.2.0")},
		"no agent":        {`no User-Agent`, func(h http.Header) { h.Del("User-Agent") }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := receiver.New(receiver.Options{})
			h := headers(receiver.V1)
			c.spoil(h)
			if w := push(r, h, block(t, validV1())); w.Code < 400 || !strings.Contains(w.Body.String(), c.reason) || len(r.Series()) != 0 {
				t.Errorf("answered %d %s, stored %d series", w.Code, w.Body, len(r.Series()))
			}
		})
	}
}

func TestBodyIsChecked(t *testing.T) {
	raw, err := proto.Marshal(validV1())
	if err != nil {
		t.Fatal(err)
	}
	var framed bytes.Buffer
	fw := snappy.NewBufferedWriter(&framed)
	if _, err := fw.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := fw.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		reason string
		body   []byte
	}{
		"framed": {"framed format", framed.Bytes()}, "plain": {"snappy: ", raw},
		"cut": {"decode WriteRequest", snappy.Encode(nil, raw[:len(raw)-1])}, "too large": {"at most", snappy.Encode(nil, make([]byte, 33<<20))},
	} {
		t.Run(name, func(t *testing.T) {
			r := receiver.New(receiver.Options{})
			if w := push(r, headers(receiver.V1), c.body); w.Code < 400 || !strings.Contains(w.Body.String(), c.reason) || len(r.Series()) != 0 {
				t.Errorf("answered %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestRulesOfV1(t *testing.T) {
	stale := math.Float64frombits(0x7ff0000000000002)
	cases := map[string]struct {
		reason string
		spoil  func(*prompb.TimeSeries)
	}{
		"unsorted":       {`comes after`, func(s *prompb.TimeSeries) { s.Labels[0], s.Labels[1] = s.Labels[1], s.Labels[0] }},
		"duplicate":      {`is there twice`, func(s *prompb.TimeSeries) { s.Labels = append(s.Labels, s.Labels[1]) }},
		"empty value":    {`is empty`, func(s *prompb.TimeSeries) { s.Labels[1].Value = "" }},
		"empty name":     {`is empty`, func(s *prompb.TimeSeries) { s.Labels[0].Name = "" }},
		"not UTF-8":      {`is not UTF-8`, func(s *prompb.TimeSeries) { s.Labels[1].Value = "\xff" }},
		"no metric name": {`no __name__`, func(s *prompb.TimeSeries) { s.Labels = s.Labels[1:] }},
		"no sample":      {`no sample`, func(s *prompb.TimeSeries) { s.Samples = nil }},
		"out of order":   {`comes after the one`, func(s *prompb.TimeSeries) { s.Samples[0].Timestamp = 2001 }},
		"same time":      {`comes after the one`, func(s *prompb.TimeSeries) { s.Samples[0].Timestamp = 2000 }},
		"ends twice":     {`stale marker`, func(s *prompb.TimeSeries) { s.Samples[0].Value, s.Samples[1].Value = stale, stale }},
		"both":           {`samples and histograms`, func(s *prompb.TimeSeries) { s.Histograms = make([]prompb.Histogram, 1) }},
		"exemplar ends":  {`stale marker's value`, func(s *prompb.TimeSeries) { s.Exemplars[0].Value = stale }},
		"exemplar label": {`exemplar: label`, func(s *prompb.TimeSeries) { s.Exemplars[0].Labels[0].Value = "" }},
		"exemplar long":  {`at most 128`, func(s *prompb.TimeSeries) { s.Exemplars[0].Labels[0].Value = strings.Repeat("é", 123) }},
		"exemplars back": {`exemplar at 1499 comes after`, func(s *prompb.TimeSeries) {
			s.Exemplars = append(s.Exemplars, s.Exemplars[0])
			s.Exemplars[1].Timestamp--
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := validV1()
			c.spoil(&m.Timeseries[0])
			m.Timeseries = append(m.Timeseries, prompb.TimeSeries{
				Labels: []prompb.Label{{Name: "__name__", Value: "up"}}, Samples: []prompb.Sample{{Timestamp: 1, Value: 1}},
			})
			r := receiver.New(receiver.Options{})
			w := push(r, headers(receiver.V1), block(t, m))
			if got := r.Series(); w.Code != 400 || !strings.Contains(w.Body.String(), c.reason) || len(got) != 1 || got[0].Name() != "up" {
				t.Errorf("answered %d %s, stored %v", w.Code, w.Body, got)
			}
		})
	}
}

func TestRulesOfV2(t *testing.T) {
	cases := map[string]struct {
		reason string
		spoil  func(*writev2.Request)
	}{
		"symbols[0]":    {`symbols[0]`, func(m *writev2.Request) { m.Symbols[0] = "x" }},
		"no symbols":    {`symbols[0]`, func(m *writev2.Request) { m.Symbols = nil }},
		"symbol twice":  {`is there twice`, func(m *writev2.Request) { m.Symbols = append(m.Symbols, "paris") }},
		"odd refs":      {`odd number`, func(m *writev2.Request) { m.Timeseries[0].LabelsRefs = []uint32{1, 2, 3} }},
		"ref too large": {`symbol ref 8`, func(m *writev2.Request) { m.Timeseries[0].LabelsRefs[3] = 8 }},
		"ref to empty":  {`is empty`, func(m *writev2.Request) { m.Timeseries[0].LabelsRefs[3] = 0 }},
		"help ref":      {`help: symbol ref 8`, func(m *writev2.Request) { m.Timeseries[0].Metadata.HelpRef = 8 }},
		"unit ref":      {`unit: symbol ref 8`, func(m *writev2.Request) { m.Timeseries[0].Metadata.UnitRef = 8 }},
		"no type":       {`no metric type`, func(m *writev2.Request) { m.Timeseries[0].Metadata.Type = 0 }},
		"exemplar ref":  {`exemplar: symbol ref 8`, func(m *writev2.Request) { m.Timeseries[0].Exemplars[0].LabelsRefs[0] = 8 }},
		"starts later":  {`starts later`, func(m *writev2.Request) { m.Timeseries[0].Samples[0].StartTimestamp = 1001 }},
		"series twice": {`of the same request`, func(m *writev2.Request) {
			m.Timeseries[0].Samples[0].Timestamp = 3000
			m.Timeseries[0].Samples[1].Timestamp = 3001
			m.Timeseries = append(m.Timeseries, validV2().Timeseries...)
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := validV2()
			c.spoil(m)
			r := receiver.New(receiver.Options{})
			if w := push(r, headers(receiver.V2), block(t, m)); w.Code != 400 || !strings.Contains(w.Body.String(), c.reason) {
				t.Errorf("answered %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestOrderedAcrossRequests(t *testing.T) {
	r := receiver.New(receiver.Options{Ordered: true})
	push(r, headers(receiver.V1), block(t, validV1()))
	send := func(p prompb.Sample) int {
		m := validV1()
		m.Timeseries[0].Samples = []prompb.Sample{p}
		return push(r, headers(receiver.V1), block(t, m)).Code
	}
	for _, c := range []struct {
		p    prompb.Sample
		want int
	}{
		{prompb.Sample{Timestamp: 1000, Value: 1}, 400},
		{prompb.Sample{Timestamp: 2000, Value: 9}, 400},
		{prompb.Sample{Timestamp: 2000, Value: 2}, 204},
		{prompb.Sample{Timestamp: 3000, Value: 3}, 204},
	} {
		if got := send(c.p); got != c.want {
			t.Errorf("%+v: answered %d, want %d", c.p, got, c.want)
		}
	}
	if got := r.Select("jobs_total", receiver.Label{Name: "site", Value: "paris"}); len(got) != 1 || len(got[0].Points) != 3 {
		t.Errorf("stored %+v", got)
	}
	if got := r.Select("jobs_total", receiver.Label{Name: "site", Value: "lyon"}); len(got) != 0 {
		t.Errorf("selected %+v", got)
	}
}

// A stale marker ends what came before it, be that in its own request or in an earlier one.
func TestStaleMarkerFollowsASample(t *testing.T) {
	r := receiver.New(receiver.Options{Ordered: true})
	stale := math.Float64frombits(value.StaleNaN)
	for i, c := range []struct {
		points []prompb.Sample
		want   int
	}{
		{[]prompb.Sample{{Timestamp: 1000, Value: 1}, {Timestamp: 2000, Value: stale}}, 204},
		{[]prompb.Sample{{Timestamp: 3000, Value: stale}}, 400},
		{[]prompb.Sample{{Timestamp: 4000, Value: 1}, {Timestamp: 5000, Value: stale}}, 204},
	} {
		m := validV1()
		m.Timeseries[0].Samples = c.points
		if got := push(r, headers(receiver.V1), block(t, m)); got.Code != c.want {
			t.Errorf("request %d: answered %d, want %d: %s", i, got.Code, c.want, got.Body)
		}
	}
}

func TestPoisonCostsOnlyItsPoint(t *testing.T) {
	poison := func(_ *receiver.Series, p receiver.Point) error {
		if p.V == 1 {
			return errors.New("poisoned")
		}
		return nil
	}
	for _, whole := range []bool{false, true} {
		r := receiver.New(receiver.Options{Poison: poison, Whole: whole})
		w := push(r, headers(receiver.V2), block(t, validV2()))
		stored := map[bool]string{false: "1", true: "0"}[whole]
		if w.Code != 400 || w.Header().Get("X-Prometheus-Remote-Write-Samples-Written") != stored || !strings.Contains(w.Body.String(), "poisoned") {
			t.Errorf("whole %t: answered %d %v", whole, w.Code, w.Header())
		}
	}
}

func TestSupport(t *testing.T) {
	r := receiver.New(receiver.Options{V2: receiver.Refuse})
	if w := push(r, headers(receiver.V2), block(t, validV2())); w.Code != 415 {
		t.Errorf("refused with %d", w.Code)
	}
	r.Set(receiver.Options{V2: receiver.Swallow})
	if w := push(r, headers(receiver.V2), block(t, validV2())); w.Code != 204 || len(w.Header()) != 0 || len(r.Series()) != 0 {
		t.Errorf("swallowed with %d %v", w.Code, w.Header())
	}
	r.Set(receiver.Options{MaxBody: 10})
	if w := push(r, headers(receiver.V1), block(t, validV1())); w.Code != 413 {
		t.Errorf("too large with %d", w.Code)
	}
}

func TestScript(t *testing.T) {
	r := receiver.New(receiver.Options{})
	srv := httptest.NewServer(r)
	defer srv.Close()
	post := func() (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, bytes.NewReader(block(t, validV1())))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = headers(receiver.V1)
		resp, err := srv.Client().Do(req)
		if err != nil {
			return 0, ""
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	r.Script(
		receiver.Answer{Status: 503, Body: "busy", Header: http.Header{"Retry-After": {"1"}}},
		receiver.Answer{Drop: receiver.DropMidBody},
		receiver.Answer{Drop: receiver.DropAnswer},
		receiver.Answer{Status: 500, Store: true, Delay: time.Millisecond},
	)
	for i, want := range []struct {
		status, points int
		body           string
	}{{503, 0, "busy"}, {0, 0, ""}, {0, 2, ""}, {500, 4, ""}, {204, 6, ""}} {
		status, body := post()
		points := 0
		for _, s := range r.Series() {
			points += len(s.Points)
		}
		if status != want.status || body != want.body || points != want.points {
			t.Errorf("request %d: %d %q, %d points, want %+v", i, status, body, points, want)
		}
	}
	r.Always(&receiver.Answer{Status: 401})
	if status, _ := post(); status != 401 {
		t.Errorf("always: %d", status)
	}
	if n := len(r.Requests()); n != 6 {
		t.Errorf("%d requests", n)
	}
}

func TestOnlyPostIsTaken(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch} {
		req := httptest.NewRequest(method, "/", bytes.NewReader(block(t, validV1())))
		req.Header = headers(receiver.V1)
		w := httptest.NewRecorder()
		r := receiver.New(receiver.Options{})
		if r.ServeHTTP(w, req); w.Code != http.StatusMethodNotAllowed || len(r.Series()) != 0 {
			t.Errorf("%s: answered %d", method, w.Code)
		}
	}
}

// A point at a time, for its series.
func single(series string, t int64) *prompb.WriteRequest {
	return &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels: []prompb.Label{{Name: "__name__", Value: series}}, Samples: []prompb.Sample{{Timestamp: t, Value: float64(t)}},
	}}}
}

// The rows of Prometheus's appendable (tsdb/head_append.go): the newest of all is at 10,000 s, that of a at 9000 s.
func TestAgeIsCheckedAsAHeadDoes(t *testing.T) {
	const s = 1000
	for _, c := range []struct {
		series  string
		at      int64
		window  time.Duration // out of order
		refused string
	}{
		{"b", 6400 * s, 0, ""},
		{"b", 6400*s - 1, 0, "out of bounds"},
		{"a", 9001 * s, 0, ""},
		{"a", 9000 * s, 0, ""}, // the same again
		{"a", 8999 * s, 0, "out of order"},
		{"a", 6399 * s, 0, "out of bounds"},
		{"a", 8999 * s, 1800 * time.Second, ""},
		{"a", 8200 * s, 1800 * time.Second, ""},
		{"a", 8199 * s, 1800 * time.Second, "out of order"}, // Prometheus says "too old sample"; both are refusals
		{"b", 8199 * s, 1800 * time.Second, ""},             // in order, within the hour
		{"b", 1 * s, 10000 * time.Second, ""},
		{"b", 999 * s, 9000 * time.Second, "too old"},
	} {
		for status, code := range map[int]int{0: 400, 500: 500} {
			r := receiver.New(receiver.Options{Ordered: true, Head: time.Hour, OutOfOrder: c.window, TooOldStatus: status})
			for _, first := range []*prompb.WriteRequest{single("a", 9000*s), single("up", 10_000*s)} {
				if w := push(r, headers(receiver.V1), block(t, first)); w.Code != 204 {
					t.Fatalf("answered %d: %s", w.Code, w.Body)
				}
			}
			if c.refused == "out of order" {
				code = 400
			}
			w := push(r, headers(receiver.V1), block(t, single(c.series, c.at)))
			if taken := c.refused == ""; taken != (w.Code == 204) || !taken && (w.Code != code || !strings.Contains(w.Body.String(), c.refused)) {
				t.Errorf("%s at %d, window %s: answered %d: %s", c.series, c.at, c.window, w.Code, w.Body)
			}
		}
	}
}

// What comes out of order is stored in order, and twice only once.
func TestOutOfOrderIsStoredInOrder(t *testing.T) {
	r := receiver.New(receiver.Options{Ordered: true, OutOfOrder: time.Hour})
	for _, at := range []int64{5000, 3000, 4000, 3000, 5000, 6000} {
		if w := push(r, headers(receiver.V1), block(t, single("a", at))); w.Code != 204 {
			t.Fatalf("answered %d: %s", w.Code, w.Body)
		}
	}
	var got []int64
	for _, p := range r.Select("a")[0].Points {
		got = append(got, p.T)
	}
	if !slices.Equal(got, []int64{3000, 4000, 5000, 6000}) {
		t.Errorf("stored at %v", got)
	}
}
