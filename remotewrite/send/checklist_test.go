package send

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal/crashfs"
	"backwire/remotewrite/window"
	"backwire/source"
)

// What the specifications of Remote-Write 1.0 and 2.0 ask of a sender, a test a line, with both versions where both
// have it. The judge is package receiver, which shares no code with the sender and refuses what a strict receiver
// would; each of its refusals has a test there.

var bothProtocols = []string{"1.0", "2.0"}

// tapped is a request as it came.
type tapped struct {
	method string
	header http.Header
	body   []byte
}

// tap keeps requests on their way to the receiver.
type tap struct {
	to   http.Handler
	mu   sync.Mutex
	seen []tapped
}

func (p *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	p.seen = append(p.seen, tapped{r.Method, r.Header.Clone(), body})
	p.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.to.ServeHTTP(w, r)
}

// newTappedRig is a rig whose requests are kept.
func newTappedRig(t *testing.T, c Config, o receiver.Options, windows ...*window.Window) (*rig, *tap) {
	t.Helper()
	p := &tap{}
	c.Transport = testkit.Loopback{To: p}
	g := newRig(t, c, o, windows...)
	p.to = g.receiver
	return g, p
}

// inBoth runs a test for either version in a bubble of its own.
func inBoth(t *testing.T, f func(t *testing.T, protocol string)) {
	t.Helper()
	for _, p := range bothProtocols {
		t.Run(p, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t, p) }) })
	}
}

// accepted wants every request taken by the strict receiver.
func (g *rig) accepted(t *testing.T) {
	t.Helper()
	for i, r := range g.receiver.Requests() {
		if r.Status != http.StatusNoContent {
			t.Errorf("request %d: answered %d: %s", i, r.Status, r.Reason)
		}
	}
}

func TestChecklist1PostsProtobufAsASnappyBlock(t *testing.T) {
	inBoth(t, func(t *testing.T, protocol string) {
		g, p := newTappedRig(t, Config{Protocol: protocol}, receiver.Options{}, testwindow.New(20, 3))
		g.run(t, func() {})
		g.accepted(t)
		var m proto.Message = &prompb.WriteRequest{}
		if protocol == "2.0" {
			m = &writev2.Request{}
		}
		raw, err := snappy.Decode(nil, p.seen[0].body)
		if err != nil || p.seen[0].method != http.MethodPost {
			t.Fatalf("%s of %v", p.seen[0].method, err)
		}
		if err := proto.Unmarshal(raw, m); err != nil {
			t.Error(err)
		}
	})
}

func TestChecklist2FourHeadersNobodyReplaces(t *testing.T) {
	inBoth(t, func(t *testing.T, protocol string) {
		four := []string{"Content-Encoding", "Content-Type", "X-Prometheus-Remote-Write-Version", "User-Agent"}
		g, p := newTappedRig(t, Config{Protocol: protocol, Headers: map[string]string{"x-team": "backup"}}, receiver.Options{}, testwindow.New(1, 1))
		g.run(t, func() {})
		for _, name := range append(four, "X-Team") {
			if got := p.seen[0].header[name]; len(got) != 1 || got[0] == "" {
				t.Errorf("%s is %q", name, got)
			}
		}
		for _, name := range four {
			for _, spelled := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
				c := Config{Protocol: protocol, URL: "http://x", Headers: map[string]string{spelled: "other"}}
				if _, err := NewEndpoint(c, newTape(), nil, slog.New(slog.DiscardHandler)); err == nil {
					t.Errorf("%s may be replaced", spelled)
				}
			}
		}
	})
}

func TestChecklist3NamesItsVersion(t *testing.T) {
	inBoth(t, func(t *testing.T, protocol string) {
		g := newRig(t, Config{Protocol: protocol}, receiver.Options{}, testwindow.New(1, 1))
		g.run(t, func() {})
		want := map[string][2]string{
			"1.0": {"application/x-protobuf", "0.1.0"},
			"2.0": {"application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"},
		}[protocol]
		h := g.receiver.Requests()[0].Header
		if got := [2]string{h.Get("Content-Type"), h.Get("X-Prometheus-Remote-Write-Version")}; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestChecklist4SortedUniqueLabelsAndExactValues(t *testing.T) {
	inBoth(t, func(t *testing.T, protocol string) {
		values := []float64{0, math.Copysign(0, -1), 1.5, -15.5, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64}
		d := &testwindow.Draft{}
		gauge := &source.Metric{Name: "v", Type: source.Gauge, Help: "Values."}
		for i, v := range values {
			d.Add(source.NewSeries(gauge, "", 0,
				source.Label{Name: "zone", Value: "z"}, source.Label{Name: "Upper", Value: strconv.Itoa(i)},
				source.Label{Name: "empty"}, source.Label{Name: "site", Value: "日本"}), []window.Point{{T: testwindow.Time + int64(i), V: v}})
		}
		external := []source.Label{{Name: "zz", Value: "1"}, {Name: "site", Value: "elsewhere"}, {Name: "A", Value: "2"}, {Name: "none"}}
		g := newRig(t, Config{Protocol: protocol, ExternalLabels: external}, receiver.Options{}, d.Window())
		g.run(t, func() {})
		g.accepted(t)
		for i, v := range values {
			want := fmt.Sprintf(`v{A="2",Upper="%d",site="日本",zone="z",zz="1"}`, i)
			s := g.receiver.Select("v", receiver.Label{Name: "Upper", Value: strconv.Itoa(i)})
			if len(s) != 1 || s[0].Key() != want || len(s[0].Points) != 1 {
				t.Fatalf("%v: stored %+v", v, s)
			}
			if p := s[0].Points[0]; p.T != testwindow.Time+int64(i) || math.Float64bits(p.V) != math.Float64bits(v) {
				t.Errorf("stored %+v, want %v at +%d", p, v, i)
			}
		}
	})
}

func TestChecklist5TimeOrderAcrossParallelRequests(t *testing.T) {
	inBoth(t, func(t *testing.T, protocol string) {
		r := rand.New(rand.NewPCG(5, 5))
		var windows []*window.Window
		for i := range 10 {
			windows = append(windows, testwindow.Later(100, 10, time.Duration(i)*time.Hour))
		}
		c := Config{Protocol: protocol, Concurrency: 4, MaxSamples: 90}
		g, p := newTappedRig(t, c, receiver.Options{Ordered: true}, windows...)
		var now, most atomic.Int32
		p.to = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond) // of the bubble
			now.Add(-1)
			g.receiver.ServeHTTP(w, req)
		})
		for range 30 {
			g.receiver.Script(receiver.Answer{}, receiver.Answer{Status: []int{503, 429, 500}[r.IntN(3)]})
		}
		g.run(t, func() { time.Sleep(time.Hour) })
		g.stored(t, windows...)
		for _, q := range g.receiver.Requests() {
			if q.Status == http.StatusBadRequest {
				t.Fatal(q.Reason)
			}
		}
		if most.Load() < 2 || len(g.sink.all) > 0 {
			t.Errorf("%d requests at a time, rejected %v", most.Load(), g.sink.all)
		}
	})
}

// 401, 403 and 404 are asked again once a minute and 408 like 429, against the letter of the line: an expired token
// must not cost data. What is refused is searched through, which never sends the same request twice.
func TestChecklist6RetriesOnly5xxAnd429(t *testing.T) {
	after := func(seconds string) http.Header { return http.Header{"Retry-After": {seconds}} }
	for _, c := range []struct {
		answer receiver.Answer
		wait   time.Duration // before the same bytes come again; 0 is never
	}{
		{receiver.Answer{Status: 500}, backoffFirst / 2},
		{receiver.Answer{Status: 503, Header: after("7")}, 7 * time.Second},
		{receiver.Answer{Status: 429}, backoffFirst / 2},
		{receiver.Answer{Status: 429, Header: after("90000")}, maxRetryAfter},
		{receiver.Answer{Status: 200, Header: confirming, Body: "try again"}, 0},
		{receiver.Answer{Status: 202, Header: confirming}, 0},
		{receiver.Answer{Status: 400}, 0},
		{receiver.Answer{Status: 409}, 0},
		{receiver.Answer{Status: 422}, 0},
	} {
		for _, protocol := range bothProtocols {
			t.Run(fmt.Sprint(protocol, " ", c.answer.Status, c.answer.Header["Retry-After"]), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g, p := newTappedRig(t, Config{Protocol: protocol}, receiver.Options{}, testwindow.New(4, 1))
					g.receiver.Script(c.answer)
					g.run(t, func() { time.Sleep(10 * time.Minute) })
					reqs := g.receiver.Requests()
					same := 0
					for _, r := range p.seen[1:] {
						if bytes.Equal(r.body, p.seen[0].body) {
							same++
						}
					}
					if want := map[bool]int{true: 1}[c.wait > 0]; same != want {
						t.Fatalf("the same request came %d times more, want %d", same, want)
					}
					if c.wait > 0 {
						if took := reqs[1].Time.Sub(reqs[0].Time); took < c.wait || took > c.wait+c.wait/2+2*backoffFirst {
							t.Errorf("again after %s, want %s", took, c.wait)
						}
					}
				})
			})
		}
	}
}

// confirming is what a 2.0 receiver says beside a 2xx.
var confirming = http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"4"}}

func TestChecklist7WordsAreLoggedAndDecideNothing(t *testing.T) {
	inBoth(t, func(t *testing.T, protocol string) {
		w := testwindow.New(4, 1)
		g := newRig(t, Config{Protocol: protocol}, receiver.Options{}, w, testwindow.Later(4, 1, time.Hour))
		g.receiver.Script(
			receiver.Answer{Status: 500, Body: "out of order sample; do not retry (code 400)"},
			receiver.Answer{Status: 200, Header: confirming, Body: "503: nothing was stored", Store: true},
		)
		g.run(t, func() { time.Sleep(time.Second) })
		g.stored(t, w, testwindow.Later(4, 1, time.Hour))
		if !strings.Contains(g.log.String(), "out of order sample; do not retry (code 400)") || strings.Contains(g.log.String(), "nothing was stored") {
			t.Errorf("the log says %s", g.log)
		}
		if got := g.statuses(); got != "500 200 204" || len(g.sink.all) > 0 {
			t.Errorf("answered %s, rejected %v", got, g.sink.all)
		}
	})
}

// Words that are labels, help, exemplars and external labels at once, in every combination.
func TestChecklist8SymbolsOnceAndReferencesInRange(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			w := testwindow.Altered(testwindow.Random(r), func(_ int, points []window.Point) []window.Point {
				for k := range points {
					points[k].V = float64(k) // random ones may end a series twice
				}
				return points
			})
			c := Config{Protocol: "2.0", MaxSamples: 1 + r.IntN(20), ExternalLabels: []source.Label{{Name: "zone", Value: "cluster"}, {Name: "a", Value: "é"}}}
			g := newRig(t, c, receiver.Options{}, w)
			g.run(t, func() {})
			g.accepted(t)
			g.stored(t, w)
		})
	}
}

func TestChecklist9MetadataStartTimesExemplarsAndManySeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &source.Metric{Name: "jobs_total", Type: source.Counter, Help: "Jobs."}
		wait := &source.Metric{Name: "wait_seconds", Type: source.Histogram, Unit: "seconds", Help: "Waits."}
		disk := &source.Metric{Name: "disk_bytes", Type: source.Gauge, Unit: "bytes", Help: "Disks."}
		start := int64(testwindow.Time - 1000)
		seen := record.Exemplar{Labels: []source.Label{{Name: "job_id", Value: "7"}}, T: testwindow.Time, V: 3}
		d := &testwindow.Draft{}
		d.Add(source.NewSeries(jobs, "", start), []window.Point{{T: testwindow.Time, V: 1}}, seen)
		d.Add(source.NewSeries(wait, "_bucket", start, source.Label{Name: "le", Value: "+Inf"}), []window.Point{{T: testwindow.Time, V: 1}}, seen)
		d.Add(source.NewSeries(disk, "", 0), []window.Point{{T: testwindow.Time, V: 1}})
		g := newRig(t, Config{Protocol: "2.0"}, receiver.Options{}, d.Window())
		g.run(t, func() {})
		g.accepted(t)
		if r := g.receiver.Requests(); len(r) != 1 || r[0].Series != 3 {
			t.Errorf("%d requests", len(r))
		}
		for name, want := range map[string]receiver.Series{
			"jobs_total":          {Metadata: receiver.Metadata{Type: "counter", Help: "Jobs."}, Points: []receiver.Point{{Start: start}}},
			"wait_seconds_bucket": {Metadata: receiver.Metadata{Type: "histogram", Help: "Waits.", Unit: "seconds"}, Points: []receiver.Point{{Start: start}}},
			"disk_bytes":          {Metadata: receiver.Metadata{Type: "gauge", Help: "Disks.", Unit: "bytes"}, Points: []receiver.Point{{Start: 0}}},
		} {
			s := g.receiver.Select(name)[0]
			if s.Metadata != want.Metadata || s.Points[0].Start != want.Points[0].Start || (len(s.Exemplars) == 1) != (start == s.Points[0].Start) {
				t.Errorf("%s is %+v", name, s)
			}
		}
	})
}

func TestChecklist10TheStaleMarkerEndsASeriesAndNothingElse(t *testing.T) {
	inBoth(t, func(t *testing.T, protocol string) {
		gauge := &source.Metric{Name: "v", Type: source.Gauge, Help: "Values."}
		ends, stays := source.NewSeries(gauge, "", 0, source.Label{Name: "s", Value: "ends"}), source.NewSeries(gauge, "", 0, source.Label{Name: "s", Value: "stays"})
		q := testqueue.On(t, crashfs.New(), queue.Options{Endpoints: []string{"e"}})
		defer testkit.Closed(t, q)
		from := testqueue.Subscribe(t, q, "e")
		defer testkit.Closed(t, from)
		for i, samples := range [][]source.Sample{{{Series: ends, Value: math.NaN()}, {Series: stays, Value: math.NaN()}}, {{Series: stays, Value: math.NaN()}}, {{Series: stays, Value: 1}}} {
			if err := q.Commit(source.Cycle{Site: "paris", Batches: []source.Batch{{T: testwindow.Time + int64(i), Samples: samples}}}); err != nil {
				t.Fatal(err)
			}
		}
		g := newRig(t, Config{Protocol: protocol}, receiver.Options{Ordered: true})
		g.endpoint.feed = from
		g.run(t, func() {})
		g.accepted(t)
		var got []string
		for _, s := range testkit.Data(g.receiver) {
			for _, p := range s.Points {
				got = append(got, fmt.Sprintf("%s+%d:%x", s.Label("s"), p.T-testwindow.Time, math.Float64bits(p.V)))
			}
		}
		nan := strconv.FormatUint(math.Float64bits(math.NaN()), 16)
		want := []string{"ends+0:" + nan, "ends+1:7ff0000000000002", "stays+0:" + nan, "stays+1:" + nan, "stays+2:3ff0000000000000"}
		if !slices.Equal(got, want) {
			t.Errorf("stored %q, want %q", got, want)
		}
	})
}

// The silent 2xx of 1.0 is the good one.
func TestChecklist11ASilent2xxMeans415On20Only(t *testing.T) {
	inBoth(t, func(t *testing.T, protocol string) {
		w := testwindow.New(4, 1)
		c := Config{Protocol: map[string]string{"1.0": "1.0", "2.0": "auto"}[protocol]}
		g := newRig(t, c, receiver.Options{V2: receiver.Swallow}, w, testwindow.Later(4, 1, time.Hour))
		g.run(t, func() {})
		g.stored(t, w, testwindow.Later(4, 1, time.Hour))
		var spoke []receiver.Version
		for _, r := range g.receiver.Requests() {
			spoke = append(spoke, r.Version)
		}
		want := map[string][]receiver.Version{"1.0": {receiver.V1, receiver.V1}, "2.0": {receiver.V2, receiver.V1, receiver.V1, receiver.V1}}[protocol] // the second is the canary
		if !slices.Equal(spoke, want) {
			t.Errorf("spoke %v, want %v", spoke, want)
		}
	})
}

func TestChecklist12RetriesAreNumbered(t *testing.T) {
	inBoth(t, func(t *testing.T, protocol string) {
		g := newRig(t, Config{Protocol: protocol}, receiver.Options{}, testwindow.New(1, 1), testwindow.Later(1, 1, time.Hour))
		g.receiver.Script(receiver.Answer{Status: 503}, receiver.Answer{Status: 429}, receiver.Answer{Drop: receiver.DropMidBody})
		g.run(t, func() { time.Sleep(time.Minute) })
		var got []string
		for _, r := range g.receiver.Requests() {
			got = append(got, r.Header.Get("Retry-Attempt"))
		}
		if want := []string{"", "1", "2", "3", ""}; !slices.Equal(got, want) {
			t.Errorf("numbered %q, want %q", got, want)
		}
	})
}
