package bundle

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/record"
	"backwire/remotewrite/send"
)

// medium is a queue with an exporter to a directory.
type medium struct {
	queue, dir string
	config     ExporterConfig
	fleet      *testkit.Fleet
	log        bytes.Buffer
}

func newMedium(t *testing.T) *medium {
	t.Helper()
	m := &medium{queue: t.TempDir(), dir: filepath.Join(t.TempDir(), "out"), fleet: testkit.NewFleet("paris", 50, 0.3)}
	m.config = ExporterConfig{Name: "stick", Queue: m.queue, Dir: m.dir, Interval: time.Hour}
	return m
}

// insert makes the directory.
func (m *medium) insert(t *testing.T) {
	t.Helper()
	if err := os.Mkdir(m.dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

// live runs the exporter of a queue while something happens.
func (m *medium) live(t *testing.T, during func(q *queue.Queue, x *Exporter)) {
	t.Helper()
	q := testqueue.In(t, m.queue, queue.Options{SegmentBytes: 4000, Endpoints: []string{"stick"}})
	defer testkit.Closed(t, q)
	from := testqueue.Subscribe(t, q, "stick")
	defer testkit.Closed(t, from)
	x := NewExporter(m.config, from, slog.New(slog.NewTextHandler(&m.log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := x.Run(ctx, 0); err != nil {
			t.Error(err)
		}
	})
	during(q, x)
	cancel()
	running.Wait()
}

// arrive imports all bundles and returns how many there are, and points at the receiver, one that comes twice counted twice.
func (m *medium) arrive(t *testing.T, trusted ed25519.PublicKey) (bundles, points int) {
	t.Helper()
	dirs, err := Bundles(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	r := receiver.New(receiver.Options{})
	for _, dir := range dirs {
		b, err := NewMedium(trusted).Open(t.Context(), dir, noProgress)
		if err != nil {
			t.Fatal(err)
		}
		c := send.Config{Name: "r", URL: "http://r.test", Transport: testkit.Loopback{To: r}}
		if _, err := b.Send(t.Context(), c, nil, slog.New(slog.DiscardHandler), noProgress); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range testkit.Data(r) {
		points += len(s.Points)
	}
	return len(dirs), points
}

// Bundles come at once and then every hour, each where the one before ended, also over a restart: all of them
// together have everything once.
func TestExporterGoesOnWhereItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMedium(t)
		m.insert(t)
		trusted, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		m.config.Key = key
		m.live(t, func(q *queue.Queue, x *Exporter) {
			for range 60 {
				testkit.Commit(t, q, m.fleet, 1)
				time.Sleep(2 * time.Minute)
			}
			if s := x.Stats(); s.Samples < 50*60-50*31 || s.Paused+s.LastError != "" {
				t.Errorf("stats %+v", s)
			}
		})
		if n, points := m.arrive(t, trusted); n != 2 && n != 3 || points < 50*31 {
			t.Errorf("%d bundles with %d points after two hours", n, points)
		}
		m.live(t, func(q *queue.Queue, x *Exporter) {
			testkit.Commit(t, q, m.fleet, 10)
			time.Sleep(3 * time.Hour)
			if lag := q.Stats().Cursors[0].Lag; lag != (record.Totals{}) || q.Stats().Segments != 1 {
				t.Errorf("%+v are left, in %d segments", lag, q.Stats().Segments)
			}
		})
		if _, points := m.arrive(t, trusted); points != 50*70 {
			t.Errorf("%d points arrived, want %d", points, 50*70)
		}
	})
}

// A medium that is out is waited for, in words, and nothing is written in its place.
func TestExporterWaitsForItsMedium(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMedium(t)
		m.live(t, func(q *queue.Queue, x *Exporter) {
			testkit.Commit(t, q, m.fleet, 3)
			time.Sleep(time.Hour)
			if why := x.Stats().LastError; !strings.Contains(why, m.dir+" does not exist; waiting for it") {
				t.Errorf("waits with %q", why)
			}
			if names, err := os.ReadDir(filepath.Dir(m.dir)); err != nil || len(names) != 0 {
				t.Errorf("in the place of the medium: %v, %v", names, err)
			}
			if f := NewExporter(m.config, nil, slog.New(slog.DiscardHandler)).Check(); !strings.Contains(f[0].Found, "does not exist") {
				t.Errorf("check found %+v", f)
			}
			m.insert(t)
			if f := NewExporter(m.config, nil, slog.New(slog.DiscardHandler)).Check(); f[0].Found != "" {
				t.Errorf("check found %+v", f)
			}
			time.Sleep(exportRetry)
			synctest.Wait()
			if s := x.Stats(); s.Samples != 150 || s.LastError != "" {
				t.Errorf("with the medium in: %+v", s)
			}
		})
		if n := strings.Count(m.log.String(), "cannot write a bundle"); n != 1 {
			t.Errorf("it was said %d times:\n%s", n, &m.log)
		}
		if n, points := m.arrive(t, nil); n != 1 || points != 150 {
			t.Errorf("%d bundles with %d points", n, points)
		}
	})
}

// A mount point whose medium was taken out is not written to, although it is a directory.
func TestExporterKnowsAMountPoint(t *testing.T) {
	m := newMedium(t)
	m.insert(t)
	x := NewExporter(m.config, nil, slog.New(slog.DiscardHandler))
	if err := x.present(); err != nil {
		t.Errorf("a directory: %v", err)
	}
	x.mounted = true
	if err := x.present(); err == nil || !strings.Contains(err.Error(), "without its medium") {
		t.Errorf("a mount point without its medium: %v", err)
	}
	x.config.Dir = "/proc"
	if err := x.present(); err != nil || !x.mounted {
		t.Errorf("a mount point: %v", err)
	}
}

// A bundle that a kill has left unfinished is replaced, and nobody imports it.
func TestExporterReplacesWhatIsUnfinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMedium(t)
		m.insert(t)
		host, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		part := filepath.Join(m.dir, host+"-stick.part")
		if err := os.Mkdir(part, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{manifestFile, "00000000000000000001.seg"} {
			if err := os.WriteFile(filepath.Join(part, name), []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if dirs, err := Bundles(m.dir); err != nil || len(dirs) != 1 || dirs[0] != m.dir {
			t.Errorf("bundles %v, %v", dirs, err)
		}
		m.live(t, func(q *queue.Queue, _ *Exporter) {
			testkit.Commit(t, q, m.fleet, 3)
			time.Sleep(time.Minute)
		})
		if n, points := m.arrive(t, nil); n != 1 || points != 150 {
			t.Errorf("%d bundles with %d points", n, points)
		}
		if _, err := os.Stat(part); err == nil {
			t.Error("the unfinished one is still there")
		}
	})
}

// The numbers go on over a restart, and name what was left out on the way.
func TestExportersBundlesAreNumbered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMedium(t)
		m.insert(t)
		for range 4 {
			m.live(t, func(q *queue.Queue, _ *Exporter) {
				testkit.Commit(t, q, m.fleet, 5)
				time.Sleep(time.Minute)
			})
		}
		dirs, err := Bundles(m.dir)
		if err != nil || len(dirs) != 4 {
			t.Fatalf("%v, %v", dirs, err)
		}
		all, some := NewMedium(nil), NewMedium(nil)
		for i, dir := range dirs {
			b, err := all.Open(t.Context(), dir, noProgress)
			if err != nil || b.Manifest.Number != uint64(i+1) || b.Manifest.Endpoint != "stick" {
				t.Fatalf("%+v, %v", b, err)
			}
			if i == 1 {
				continue
			}
			if _, err := some.Open(t.Context(), dir, noProgress); err != nil {
				t.Fatal(err)
			}
		}
		if missing := all.Missing(); len(missing) > 0 {
			t.Errorf("nothing is missing: %q", missing)
		}
		if missing := some.Missing(); len(missing) != 1 || !strings.HasPrefix(missing[0], "bundle 2 of ") {
			t.Errorf("without the second: %q", missing)
		}
	})
}
