package send

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/wal/crashfs"
	"backwire/source"
)

// road is the way to a receiver that takes so many samples a second, and is closed for a while.
type road struct {
	to     http.RoundTripper
	rate   float64 // samples a second; 0 is no limit
	closed atomic.Bool
}

var errClosed = errors.New("the road is closed")

func (r *road) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.closed.Load() {
		return nil, errClosed
	}
	resp, err := r.to.RoundTrip(req)
	if err == nil && r.rate > 0 {
		n, _ := strconv.Atoi(resp.Header.Get("X-Prometheus-Remote-Write-Samples-Written"))
		time.Sleep(time.Duration(float64(n) / r.rate * float64(time.Second))) // the receiver's time, which is the bubble's
	}
	return resp, err
}

// station is a queue and an endpoint that a fleet is committed to, in one life.
type station struct {
	queue    *queue.Queue
	from     *queue.Subscription
	endpoint *Endpoint
	cancel   context.CancelFunc
	ended    sync.WaitGroup
}

func newStation(t *testing.T, fs *crashfs.FS, o queue.Options, c Config, to Rejected) *station {
	t.Helper()
	o.Endpoints = []string{"e"}
	s := &station{queue: testqueue.On(t, fs, o)}
	s.from = testqueue.Subscribe(t, s.queue, "e")
	c.Name, c.URL = "e", "http://r.test"
	var err error
	if s.endpoint, err = NewEndpoint(c, s.from, to, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	s.ended.Go(func() {
		if err := s.endpoint.Run(ctx, 0); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *station) end(t *testing.T) {
	t.Helper()
	s.cancel()
	s.ended.Wait()
	testkit.Closed(t, s.from)
	testkit.Closed(t, s.queue)
}

// owed is what the endpoint has not settled, in samples.
func (s *station) owed() queue.CursorStats {
	stats := s.queue.Stats()
	return stats.Cursor("e")
}

// newFleet is a fleet whose next cycle is of now.
func newFleet(n int, rate float64) *testkit.Fleet {
	f := testkit.NewFleet("paris", n, rate)
	time.Sleep(time.Until(time.UnixMilli(f.T))) // the bubble's time begins in 2000
	return f
}

// minutes commits a cycle at each of so many minutes.
func (s *station) minutes(t *testing.T, f *testkit.Fleet, n int) {
	t.Helper()
	for range n {
		time.Sleep(time.Minute)
		testkit.Commit(t, s.queue, f, 1)
	}
}

// stored says up to when a receiver has each series, how many samples there are, and how many came twice.
func stored(r *receiver.Receiver) (newest int64, samples, twice int) {
	for _, s := range testkit.Data(r) {
		times := map[int64]bool{}
		last := int64(0)
		for _, p := range s.Points {
			times[p.T] = true
			last = max(last, p.T)
		}
		samples, twice = samples+len(times), twice+len(s.Points)-len(times)
		if newest == 0 || last < newest {
			newest = last
		}
	}
	return newest, samples, twice
}

// freshnessSeries is how many series the outage is of; BACKWIRE_FRESHNESS_SERIES says otherwise. The rate is five samples a
// second for each of them: 50,000 for 10,000 series.
func freshnessSeries(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("BACKWIRE_FRESHNESS_SERIES"))
	if err != nil {
		return 200
	}
	return n
}

// After an outage of a day the newest sample of every series is there within two cycles, and the last of the backlog when arithmetic
// says: what was missed divided by what the receiver takes beside what is new.
func TestNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := freshnessSeries(t)
		const cycles = 24 * 60
		rate := 5 * float64(n)
		r := receiver.New(receiver.Options{})
		way := &road{to: testkit.Loopback{To: r}, rate: rate}
		s := newStation(t, crashfs.New(), queue.Options{}, Config{Behind: 2 * time.Minute, Transport: way}, nil)
		f := newFleet(n, 0.05)
		s.minutes(t, f, 3)
		way.closed.Store(true)
		s.minutes(t, f, cycles)
		way.closed.Store(false)
		up := time.Now()
		s.minutes(t, f, 2)
		time.Sleep(time.Duration(float64(2*n)/rate*float64(time.Second)) + 2*time.Second)
		newest, samples, _ := stored(r)
		if newest < up.UnixMilli() {
			t.Errorf("two cycles after the outage the newest sample of a series is of %v before its end", up.Sub(time.UnixMilli(newest)))
		}
		if samples > (cycles+5)*n*9/10 {
			t.Errorf("%d samples are there already: that shows nothing", samples)
		}
		if past := s.owed().Past.Samples; past == 0 || past > cycles*uint64(n) {
			t.Errorf("the past has %d samples", past)
		}
		if state := s.endpoint.Stats().State; state != StateCatchingUp {
			t.Errorf("state %s", state)
		}
		took := time.Duration(float64(cycles*n) / (rate - float64(n)/60) * float64(time.Second))
		for time.Since(up) < took+30*time.Second { // the last retry may have begun just before
			s.minutes(t, f, 1)
			if s.owed().Past.Samples == 0 {
				break
			}
		}
		if took := took + 90*time.Second; time.Since(up) > took {
			t.Errorf("the past took %v, arithmetic says %v", time.Since(up), took)
		}
		time.Sleep(time.Minute)
		_, samples, twice := stored(r)
		if want := int(f.T-1_790_000_040_000) / 60_000 * n; samples != want || twice > 0 || s.owed().Lag.Samples > 0 {
			t.Errorf("%d samples are there, %d of them twice, and %v are owed: want %d", samples, twice, s.owed().Lag, want)
		}
		s.end(t)
	})
}

// A receiver that takes nothing out of order gets everything in order, and so does one whose operator wants it so.
func TestOldestFirst(t *testing.T) {
	for name, c := range map[string]struct {
		behind  time.Duration
		ordered bool
	}{"takes nothing late": {2 * time.Minute, true}, "oldest": {0, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := receiver.New(receiver.Options{Ordered: true})
				way := &road{to: testkit.Loopback{To: r}, rate: 200}
				s := newStation(t, crashfs.New(), queue.Options{}, Config{Behind: c.behind, MaxSamples: 500, Transport: way}, nil)
				f := newFleet(100, 0.05)
				way.closed.Store(true)
				s.minutes(t, f, 60)
				way.closed.Store(false)
				s.minutes(t, f, 10)
				time.Sleep(10 * time.Second)
				_, samples, twice := stored(r)
				if samples != 7000 || twice > 0 || s.owed().Lag.Samples > 0 || s.endpoint.Stats().Samples != 7000 {
					t.Errorf("%d samples are there, %d of them twice: %+v", samples, twice, s.endpoint.Stats())
				}
				for _, x := range r.Refusals() {
					if x.Series[:7] != "backwir" && !x.Held {
						t.Errorf("refused: %+v", x)
					}
				}
				s.end(t)
			})
		})
	}
}

// world is a random receiver and what an endpoint goes through.
type world struct {
	rand     *rand.Rand
	receiver *receiver.Receiver
	way      *road
	sink     *sink
	bad      func(sample string) bool // refused for good
	picky    bool                     // the receiver refuses some samples for good
	kills    bool
	ordered  bool          // the receiver takes nothing late
	window   time.Duration // how late the receiver takes samples; 0 is as late as they come
	options  queue.Options
	config   Config

	natives    bool // the receiver takes native histograms
	histograms int  // of which native ones are sent too, where the receiver takes them
}

func newWorld(seed uint64, parked string) *world {
	r := rand.New(rand.NewPCG(seed, 33))
	w := &world{rand: r, sink: &sink{}, kills: r.IntN(2) == 0, ordered: r.IntN(3) == 0}
	share := r.Float64() * r.Float64() * r.Float64()
	if r.IntN(2) == 0 || w.ordered || w.kills { // of what is refused or came twice there only the number is known: see duplicates_test.go
		share = 0
	}
	w.picky = share > 0
	windows := rand.New(rand.NewPCG(seed, 34))
	head := []time.Duration{0, time.Hour}[windows.IntN(2)]
	switch {
	case w.picky: // takes samples however late
		head = 0
	case head > 0 && !w.ordered:
		w.window = []time.Duration{20 * time.Minute, 40 * time.Minute, 2 * time.Hour}[windows.IntN(3)]
	}
	w.bad = func(sample string) bool {
		return float64(crc32.ChecksumIEEE(strconv.AppendUint([]byte(sample), seed, 10))) < share*math.MaxUint32
	}
	native := rand.New(rand.NewPCG(seed, 35))
	w.histograms = native.IntN(4)
	o := receiver.Options{
		NoNatives: []int{0, 0, 0, 400, 500}[native.IntN(5)],
		Ordered:   w.ordered || w.window > 0, Head: head, OutOfOrder: w.window, Whole: r.IntN(2) == 0, PoisonStatus: []int{400, 409, 422}[r.IntN(3)],
		Lie: []receiver.Lie{receiver.CountTrue, receiver.CountReceived}[r.IntN(2)], V2: []receiver.Support{receiver.Accept, receiver.Refuse}[r.IntN(2)],
		Poison: func(s *receiver.Series, p receiver.Point) error {
			return errorIf(s.Name() != canaryMetric && w.bad(sampleOf(s.Name(), s.Label, p.T)), "refused")
		},
	}
	if native.IntN(2) == 0 {
		o.NativesOf = func(s *receiver.Series) bool { return s.Name() != nativeCanary && native.IntN(3) == 0 }
	}
	w.natives = w.histograms > 0 && o.NoNatives == 0 && o.V2 == receiver.Accept
	w.receiver = receiver.New(o)
	w.way = &road{to: testkit.Loopback{To: w.receiver}, rate: []float64{0, 20, 100, 1000}[r.IntN(4)]}
	w.options = queue.Options{SegmentBytes: 1500 + r.Int64N(8000)}
	if !w.kills && r.IntN(2) == 0 {
		w.options.MaxBytes = 20_000 + r.Int64N(60_000)
	}
	w.config = Config{
		Natives:    w.histograms > 0,
		MaxSamples: 20 + r.IntN(400), Concurrency: 1 + r.IntN(3), Transport: w.way, ParkedDir: parked,
		Behind: []time.Duration{0, 2 * time.Minute, 2 * time.Minute}[r.IntN(3)],
	}
	return w
}

// disturb closes the road or lets the receiver refuse, for a while.
func (w *world) disturb(s *station, t *testing.T, f *testkit.Fleet) {
	t.Helper()
	for range 1 + w.rand.IntN(3) {
		switch way := w.rand.IntN(4); {
		case way == 0:
			w.way.closed.Store(true)
		case way == 1 && w.picky:
			w.receiver.Always(&receiver.Answer{Status: []int{429, 503}[w.rand.IntN(2)]})
		case way == 1:
			w.receiver.Always(&receiver.Answer{Status: []int{400, 404, 429, 500, 503}[w.rand.IntN(5)]})
		case way == 2 && !w.picky: // what is bad is told from what came twice only where the answers allow it
			w.receiver.Script(receiver.Answer{}, receiver.Answer{Status: 429}, receiver.Answer{}, receiver.Answer{Drop: receiver.DropMidBody})
		}
		s.minutes(t, f, w.rand.IntN(40))
		w.way.closed.Store(false)
		w.receiver.Always(nil)
		s.minutes(t, f, w.rand.IntN(10))
	}
}

// Committed is delivered, rejected, too old, dropped and pending: for each sample of random histories at random receivers, with outages,
// limits and kills, and in the counters to the sample where nothing is killed.
func TestConservation(t *testing.T) {
	take, have := 0, 0 // receivers, native histograms
	for seed := range testkit.Seeds(t, 80) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(seed, t.TempDir())
				t.Logf("kills %v, ordered %v, window %v, limit %d, behind %v, rate %v", w.kills, w.ordered, w.window, w.options.MaxBytes, w.config.Behind, w.way.rate)
				conserve(t, w)
				if points := wantNatives(t, w); w.natives {
					take, have = take+1, have+min(points, 1)
				}
			})
		})
	}
	if 10*have < 9*take { // some live too short for one
		t.Errorf("%d of %d receivers that take native histograms have any", have, take)
	}
	t.Logf("%d of %d receivers that take native histograms have any", have, take)
}

func conserve(t *testing.T, w *world) {
	t.Helper()
	n := 1 + w.rand.IntN(30)
	f := newFleet(n, 0.3)
	f.AddHistograms(w.histograms)
	n += w.histograms * testkit.HistogramSeries
	begin := f.T
	fs := crashfs.New()
	lost := 0
	s := newStation(t, fs, w.options, w.config, w.sink)
	for w.disturb(s, t, f); w.kills && w.rand.IntN(4) > 0; w.disturb(s, t, f) {
		time.Sleep(time.Duration(w.rand.IntN(5000)) * time.Millisecond)
		fs = fs.Kill()
		lost += lostOf(s)
		s.end(t)
		s = newStation(t, fs, w.options, w.config, w.sink)
	}
	for until := time.Now().Add(48 * time.Hour); (s.owed().Lag.Records > 0 || s.endpoint.Stats().Parked > 0) && time.Now().Before(until); {
		time.Sleep(time.Minute)
	}
	time.Sleep(2 * time.Minute)
	stats := s.endpoint.Stats()
	lost += lostOf(s)
	committed := int(f.T-begin) / 60_000 * n
	missing := committed - arrived(t, w)
	if missing != lost || s.owed().Lag.Records > 0 || stats.Pending > 0 {
		t.Errorf("%d of %d samples are nowhere, %d are counted as lost, %v are owed, %d pending", missing, committed, lost, s.owed().Lag, stats.Pending)
	}
	sum := int(stats.Samples) + lost
	for _, of := range []map[string]uint64{stats.Rejected, stats.Dropped} {
		for _, k := range of {
			sum += int(k)
		}
	}
	if !w.kills && sum != committed {
		t.Errorf("%d samples of %d are counted, %d as lost: %+v", sum, committed, lost, stats)
	}
	s.end(t)
}

// wantNatives holds that each native histogram that the receiver has is what the classic series say at its time, and counts them.
func wantNatives(t *testing.T, w *world) (points int) {
	t.Helper()
	classic := map[string]float64{}
	key := func(s *receiver.Series, suffix, le string, at int64) string {
		return fmt.Sprint(strings.TrimSuffix(s.Name(), suffix), suffix, s.Label("policy"), le, at)
	}
	for _, s := range testkit.Data(w.receiver) {
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			for _, p := range s.Points {
				if strings.HasSuffix(s.Name(), suffix) {
					classic[key(&s, suffix, s.Label("le"), p.T)] = p.V
				}
			}
		}
	}
	for _, s := range nativeSeries(w.receiver) {
		for _, h := range s.Histograms {
			said := map[string]float64{key(&s, "_count", "", h.T): float64(h.Count), key(&s, "_sum", "", h.T): h.Sum}
			sum := int64(0)
			for i, n := range h.Buckets() {
				sum += n
				said[key(&s, "_bucket", []string{"1.0", "60.0", "3600.0", "+Inf"}[i], h.T)] = float64(sum)
			}
			for of, v := range said {
				had, ok := classic[of]
				// The receiver holds samples alone against their order and its window: what it refuses of the classic ones it may take here.
				refuses := w.picky || w.ordered || w.window > 0
				if !ok && !refuses || ok && had != v {
					t.Fatalf("the native histogram says %v of %s, and the classic one %v (%v)", v, of, had, ok)
				}
			}
			points++
		}
	}
	return points
}

// lostOf is what the queue gave up in one life.
func lostOf(s *station) (n int) {
	for _, l := range s.queue.Stats().Losses {
		n += int(l.Samples)
	}
	return n
}

// sampleOf names a sample.
func sampleOf(name string, label func(string) string, at int64) string {
	parts := []string{name, strconv.FormatInt(at, 10)}
	for _, l := range []string{"policy", "schedule_type", "result", "status", "parent", "job_type", "le"} {
		parts = append(parts, label(l))
	}
	return strings.Join(parts, " ")
}

// late reports whether a receiver with a window does not take a sample at a time.
func (w *world) late(at int64, now time.Time) bool {
	return w.window > 0 && now.Sub(time.UnixMilli(at)) > w.window-latenessPrecision
}

func pointsOf(r Rejection) (n int) {
	for _, s := range r.Series {
		n += len(s.Points)
	}
	return n
}

// arrived is how many different samples the receiver has or has refused for good.
func arrived(t *testing.T, w *world) int {
	t.Helper()
	at := map[string]bool{}
	for _, s := range testkit.Data(w.receiver) {
		for _, p := range s.Points {
			at[sampleOf(s.Name(), s.Label, p.T)] = true
		}
	}
	w.sink.mu.Lock()
	defer w.sink.mu.Unlock()
	told := 0
	for _, r := range w.sink.all {
		if (w.ordered || w.window > 0) && r.Samples < pointsOf(r) { // tells how many, and among which
			told += r.Samples
			continue
		}
		for _, s := range r.Series {
			label := func(name string) string {
				if i := slices.IndexFunc(s.Labels, func(l source.Label) bool { return l.Name == name }); i >= 0 {
					return s.Labels[i].Value
				}
				return ""
			}
			for _, p := range s.Points {
				sample := sampleOf(s.Name, label, p.T)
				if !w.ordered && !w.bad(sample) && !w.late(p.T, r.Time) {
					t.Fatalf("rejected although it is good: %s: %d samples, status %d, %s", sample, r.Samples, r.Status, r.Words)
				}
				at[sample] = true
			}
		}
	}
	return len(at) + told
}
