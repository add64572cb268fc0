package send

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
)

// database is Prometheus's own write endpoint over its own time series database.
type database struct {
	db       *tsdb.DB
	server   *httptest.Server
	mu       sync.Mutex
	requests int
	unknown  bool // the canary is the first thing that endpoints send
}

func newDatabase(t *testing.T, accept ...remoteapi.WriteMessageType) *database {
	t.Helper()
	return databaseWith(t, 0, accept...)
}

// databaseWith has an out-of-order window.
func databaseWith(t *testing.T, window time.Duration, accept ...remoteapi.WriteMessageType) *database {
	t.Helper()
	o := tsdb.DefaultOptions()
	o.OutOfOrderTimeWindow = window.Milliseconds()
	o.EnableExemplarStorage, o.MaxExemplars = true, 1000
	o.RetentionDuration = 0
	db, err := tsdb.Open(t.TempDir(), slog.New(slog.DiscardHandler), nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Closed(t, db) })
	d := &database{db: db}
	write := remote.NewWriteHandler(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), db, accept, false, false)
	d.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.requests++
		d.mu.Unlock()
		write.ServeHTTP(w, r)
	}))
	t.Cleanup(d.server.Close)
	return d
}

func (d *database) send(t *testing.T, c Config, windows ...*window.Window) (Stats, *sink) {
	t.Helper()
	c.Name, c.URL = "prometheus", d.server.URL
	s, tape := &sink{}, newTape(windows...)
	e, err := NewEndpoint(c, tape, s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	e.met = !d.unknown
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what is there is flushed, and that is all
	if err := e.Run(ctx, time.Minute); err != nil {
		t.Fatal(err)
	}
	if tape.place() != len(windows) {
		t.Fatalf("at window %d of %d: %s", tape.place(), len(windows), e.Stats().LastError)
	}
	return e.Stats(), s
}

// samples reads everything back but the canaries, by series.
func (d *database) samples(t *testing.T) map[string][]window.Point {
	t.Helper()
	q, err := d.db.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer testkit.Closed(t, q)
	out := map[string][]window.Point{}
	set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchNotEqual, "__name__", canaryMetric))
	for set.Next() {
		var key receiver.Series
		set.At().Labels().Range(func(l labels.Label) { key.Labels = append(key.Labels, receiver.Label{Name: l.Name, Value: l.Value}) })
		it := set.At().Iterator(nil)
		for it.Next() == chunkenc.ValFloat {
			at, v := it.At()
			out[key.Key()] = append(out[key.Key()], window.Point{T: at, V: v})
		}
		if it.Err() != nil {
			t.Fatal(it.Err())
		}
	}
	if set.Err() != nil {
		t.Fatal(set.Err())
	}
	return out
}

func (d *database) query(t *testing.T, expr string, at int64) float64 {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute})
	defer testkit.Closed(t, engine)
	q, err := engine.NewInstantQuery(t.Context(), d.db, nil, expr, time.UnixMilli(at))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	v, err := q.Exec(t.Context()).Vector()
	if err != nil || len(v) != 1 {
		t.Fatalf("%s: %v, %v", expr, v, err)
	}
	return v[0].F
}

// recent returns a window whose newest points are a little in the past, as Prometheus wants it.
func recent(series, points int) *window.Window {
	last := time.UnixMilli(testwindow.Time + int64(points-1)*60_000)
	return testwindow.Later(series, points, time.Since(last).Truncate(time.Second)-time.Minute)
}

func TestPrometheusStoresWhatIsSent(t *testing.T) {
	for _, c := range []struct {
		accept   remoteapi.WriteMessageType
		protocol string
	}{{remoteapi.WriteV1MessageType, "1.0"}, {remoteapi.WriteV2MessageType, "2.0"}} {
		t.Run(c.protocol, func(t *testing.T) {
			d := newDatabase(t, c.accept)
			w := testwindow.Altered(recent(200, 50), func(i int, points []window.Point) []window.Point {
				if i == 1 {
					points[49].V = math.Float64frombits(0x7ff0000000000002) // a series that ended
				}
				return points
			})
			w.Columns[1].Exemplars = 1
			w.AddExemplar(w.Columns[1].Series, record.Exemplar{Labels: nil, T: w.Newest, V: 1})
			stats, s := d.send(t, Config{MaxSamples: 3000, Concurrency: 2}, w)
			if len(s.all) != 0 || stats.Samples != 10_000 || stats.Protocol != c.protocol {
				t.Errorf("rejected %v, stats %+v", s.all, stats)
			}
			got := d.samples(t)
			sum := 0.0
			for i, col := range w.Columns {
				key := testkit.ReceivedKey(testwindow.Labels(w, &w.Dict.Series[col.Series], nil))
				points := testwindow.Points(w, i)
				if !slices.EqualFunc(got[key], points, func(a, b window.Point) bool {
					return a.T == b.T && math.Float64bits(a.V) == math.Float64bits(b.V)
				}) {
					t.Fatalf("%s: got %v, want %v", key, got[key], points)
				}
				if i%4 != 0 && i != 1 {
					sum += points[49].V
				}
			}
			if got := d.query(t, "sum(nbu_jobs_completed_total)", w.Newest); got != sum {
				t.Errorf("sum is %v, want %v", got, sum)
			}
		})
	}
}

// The window of a real Prometheus is measured, what it takes is sent in order of time, and what it does not take is not sent.
func TestPrometheusWindow(t *testing.T) {
	const series, points = 180, 181
	for window, late := range map[time.Duration]time.Duration{0: time.Hour, 2 * time.Hour: 2 * time.Hour, 30 * time.Hour: 24 * time.Hour} {
		t.Run(window.String(), func(t *testing.T) {
			d := databaseWith(t, window, remoteapi.WriteV2MessageType)
			d.unknown = true
			w := testwindow.Shifted(recent(series, points), func(int) int64 { return -30_000 }) // the newest is of a minute and a half ago
			w.Records = points
			stats, s := d.send(t, Config{}, w)
			taken := min(points, int(late/time.Minute)-1)
			if stats.Samples != uint64(series*taken) || stats.Dropped["too_old_for_receiver"] != uint64(series*(points-taken)) || len(stats.Rejected) > 0 {
				t.Errorf("stats %+v, want %d of each series", stats, taken)
			}
			if (len(s.all) > 0) != (taken < points) || stats.Window < late-time.Minute || stats.Window > late {
				t.Errorf("%d rejections, the window is %s", len(s.all), stats.Window)
			}
			if n := stats.Requests["400"]; n > 15 {
				t.Errorf("%d requests were refused", n)
			}
		})
	}
}

// One sample is refused, and only one is given up. Where Prometheus has stored the rest (2.0) and refuses it a second time, because it
// is not the last of its series, which one it was is not to be found out; then the rejection names their number.
func TestPrometheusRefusesOutOfOrder(t *testing.T) {
	for _, c := range []struct {
		accept remoteapi.WriteMessageType
		points int
		exact  bool
	}{
		{remoteapi.WriteV1MessageType, 1, true},
		{remoteapi.WriteV1MessageType, 20, true},
		{remoteapi.WriteV2MessageType, 1, true},
		{remoteapi.WriteV2MessageType, 20, false},
	} {
		t.Run(fmt.Sprintf("%s, %d points", c.accept, c.points), func(t *testing.T) {
			d := newDatabase(t, c.accept)
			w := recent(1000, c.points)
			first := testwindow.Altered(testwindow.Only(recent(1000, c.points), 123, 124), func(_ int, points []window.Point) []window.Point {
				return []window.Point{{T: points[0].T, V: -1}} // the same time with another value
			})
			d.send(t, Config{}, first)
			d.requests = 0
			stats, s := d.send(t, Config{}, w)
			want := []RejectedPoint{RejectedPoint(testwindow.Points(w, 123)[0])}
			if got := s.points(); c.exact && !slices.Equal(got, want) {
				t.Errorf("rejected %d samples, want %v", len(got), want)
			}
			if got := len(s.points()); !c.exact && got != 1000*(c.points-1) {
				t.Errorf("the rejection holds %d samples, want all that it may be: the last of each series was taken again", got)
			}
			if len(s.all) != 1 || s.all[0].Samples != 1 || stats.Rejected["400"] != 1 || d.requests > 29 {
				t.Errorf("%d rejections, stats %+v, %d requests", len(s.all), stats, d.requests)
			}
			if n := len(d.samples(t)); n != 1000 {
				t.Errorf("%d series stored", n)
			}
		})
	}
}

// What was under way when the last run ended is sent again. Prometheus has it and refuses most of it;
// nothing is lost, nothing is called rejected, and little is searched for: the request, what comes before the
// last points, the last points, and the canary before each refusal is believed.
func TestPrometheusHasItAlready(t *testing.T) {
	d := newDatabase(t, remoteapi.WriteV2MessageType)
	w := recent(100, 20)
	d.send(t, Config{}, w)
	d.requests = 0
	w.Repeated = true
	stats, s := d.send(t, Config{}, w)
	if len(s.all) != 0 || stats.Dropped["repeated"] != 1900 || d.requests != 5 {
		t.Errorf("rejected %v, stats %+v, %d requests", s.all, stats, d.requests)
	}
}

// A series that Prometheus does not take at all is found among others that it has stored.
func TestPrometheusRefusesASeries(t *testing.T) {
	d := newDatabase(t, remoteapi.WriteV2MessageType)
	w := testwindow.Shifted(recent(100, 20), func(column int) int64 {
		if column == 42 {
			return time.Hour.Milliseconds()
		}
		return 0
	})
	stats, s := d.send(t, Config{}, w)
	got, want := map[RejectedPoint]bool{}, map[RejectedPoint]bool{}
	for _, p := range s.points() {
		got[p] = true
	}
	for _, p := range testwindow.Points(w, 42) {
		want[RejectedPoint(p)] = true
	}
	if !maps.Equal(got, want) || len(s.points()) != 20 || len(s.all) > 2 { // the last one, and those before it
		t.Errorf("rejected %v in %d parts", s.points(), len(s.all))
	}
	if stats.Rejected["400"] != 20 || d.requests > 20 {
		t.Errorf("stats %+v, %d requests", stats, d.requests)
	}
}

// Each reason that a real Prometheus has for refusing one sample of a request costs that one, in both versions.
func TestPrometheusRefusesByReason(t *testing.T) {
	for reason, spoil := range map[string]func(p *window.Point){
		"out of bounds":         func(p *window.Point) { p.T -= 5 * time.Hour.Milliseconds() },
		"too far in the future": func(p *window.Point) { p.T += time.Hour.Milliseconds() },
		"duplicate sample":      func(p *window.Point) { p.V++ },
		"out of order":          func(p *window.Point) { p.T -= time.Minute.Milliseconds() },
	} {
		for _, accept := range []remoteapi.WriteMessageType{remoteapi.WriteV1MessageType, remoteapi.WriteV2MessageType} {
			t.Run(fmt.Sprint(reason, ", ", accept), func(t *testing.T) {
				d := newDatabase(t, accept)
				w := recent(1000, 1)
				first := testwindow.Only(w, 42, 43)
				d.send(t, Config{}, first)
				if reason == "out of bounds" || reason == "too far in the future" {
					w = testwindow.Altered(w, func(i int, points []window.Point) []window.Point {
						if i == 42 {
							return nil
						}
						return points
					})
				}
				w = testwindow.Altered(w, func(i int, points []window.Point) []window.Point {
					if i == 42 {
						spoil(&points[0])
					}
					return points
				})
				bad := testwindow.Points(w, 42)[0]
				d.requests = 0
				stats, s := d.send(t, Config{}, w)
				if got := s.points(); !slices.Equal(got, []RejectedPoint{RejectedPoint(bad)}) || !strings.Contains(s.all[0].Words, reason) {
					t.Errorf("rejected %+v, want %v for %s", s.all, bad, reason)
				}
				if stats.Rejected["400"] != 1 || d.requests > 23 { // the first, a fall back, and 2·log2(1000)
					t.Errorf("stats %+v, %d requests", stats, d.requests)
				}
			})
		}
	}
}

// A Prometheus that takes 1.0 only says so, and gets it.
func TestPrometheusWithout20(t *testing.T) {
	d := newDatabase(t, remoteapi.WriteV1MessageType)
	stats, s := d.send(t, Config{}, recent(100, 2))
	if stats.Protocol != "1.0" || stats.Requests["415"] != 1 || stats.Samples != 200 || len(s.all) > 0 {
		t.Errorf("stats %+v, rejected %v", stats, s.all)
	}
	if got := len(d.samples(t)); got != 100 {
		t.Errorf("%d series stored", got)
	}
}
