package bundle

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/send"
)

func noProgress(int64, int64) {}

// exported is a queue of some segments, at 40 cycles and at all 60, and where an endpoint had got to at 20.
type exported struct {
	dir    string // of the queue
	queue  *queue.Queue
	fleet  *testkit.Fleet
	early  string // bundles
	whole  string
	middle string
}

// newExported exports beside a queue that is open, as an agent has it.
func newExported(t *testing.T) *exported {
	t.Helper()
	x := &exported{dir: filepath.Join(t.TempDir(), "queue"), fleet: testkit.NewFleet("paris", 20, 0.3)}
	x.queue = testqueue.In(t, x.dir, queue.Options{SegmentBytes: 4000, Endpoints: []string{"cloud"}})
	t.Cleanup(func() { testkit.Closed(t, x.queue) })
	testkit.Commit(t, x.queue, x.fleet, 20)
	s := testqueue.Subscribe(t, x.queue, "cloud")
	testwindow.Drain(t, s)
	testkit.Closed(t, s)
	testkit.Commit(t, x.queue, x.fleet, 20)
	x.fleet.Samples = x.fleet.Samples[:19] // one ends
	x.early = exportTo(t, x.dir, ExportOptions{})
	testkit.Commit(t, x.queue, x.fleet, 20)
	x.whole = exportTo(t, x.dir, ExportOptions{})
	x.middle = exportTo(t, x.dir, ExportOptions{Endpoint: "cloud"})
	return x
}

func exportTo(t *testing.T, dir string, o ExportOptions) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "out")
	if _, err := Export(t.Context(), dir, to, o); err != nil {
		t.Fatal(err)
	}
	return to
}

// importTo sends a bundle and returns what Send does.
func importTo(ctx context.Context, t *testing.T, dir string, to http.Handler) (send.Stats, error) {
	t.Helper()
	b, err := NewMedium(nil).Open(t.Context(), dir, noProgress)
	if err != nil {
		t.Fatal(err)
	}
	c := send.Config{Name: "r", URL: "http://r.test", MaxSamples: 100, Transport: testkit.Loopback{To: to}}
	return b.Send(ctx, c, nil, slog.New(slog.DiscardHandler), noProgress)
}

// heldPoint is a point that compares, stale markers too.
type heldPoint struct {
	t int64
	v uint64
}

// held is every point that a receiver has, once.
func held(r *receiver.Receiver) map[string]map[heldPoint]bool {
	all := map[string]map[heldPoint]bool{}
	for _, s := range testkit.Data(r) {
		points := map[heldPoint]bool{}
		for _, p := range s.Points {
			points[heldPoint{p.T, math.Float64bits(p.V)}] = true
		}
		all[s.Key()] = points
	}
	return all
}

// delivered is what the queue itself would have brought to a receiver.
func (x *exported) delivered(t *testing.T) map[string]map[heldPoint]bool {
	t.Helper()
	from, err := x.queue.Subscribe("direct", true)
	if err != nil {
		t.Fatal(err)
	}
	defer testkit.Closed(t, from)
	r := receiver.New(receiver.Options{})
	e, err := send.NewEndpoint(send.Config{Name: "direct", URL: "http://r.test", Transport: testkit.Loopback{To: r}}, from, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ctx, time.Minute); err != nil {
		t.Fatal(err)
	}
	want := held(r)
	if len(want) != 20 {
		t.Fatalf("%d series", len(want))
	}
	return want
}

// limited takes some requests and then ends the import.
type limited struct {
	to   http.Handler
	left int
	end  context.CancelFunc
}

func (l *limited) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.left--; l.left < 0 {
		l.end()
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	l.to.ServeHTTP(w, r)
}

func TestImportAgainGivesTheSameSeries(t *testing.T) {
	x := newExported(t)
	want := x.delivered(t)
	whole := func(t *testing.T, dir string, r *receiver.Receiver) {
		if _, err := importTo(t.Context(), t, dir, r); err != nil {
			t.Fatal(err)
		}
	}
	half := func(t *testing.T, dir string, r *receiver.Receiver) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		l := &limited{r, 5, cancel}
		if _, err := importTo(ctx, t, dir, l); !errors.Is(err, queue.ErrInterrupted) || l.left != -1 {
			t.Fatalf("half an import = %v, %d requests were left", err, l.left)
		}
	}
	type step struct {
		run func(*testing.T, string, *receiver.Receiver)
		dir string
	}
	cases := map[string]struct {
		steps   []step
		ordered []bool
	}{
		"once":                       {[]step{{whole, x.whole}}, []bool{false, true}},
		"twice":                      {[]step{{whole, x.whole}, {whole, x.whole}}, []bool{false, true}},
		"half first":                 {[]step{{half, x.whole}, {whole, x.whole}}, []bool{false, true}},
		"half after":                 {[]step{{whole, x.whole}, {half, x.whole}}, []bool{false}},
		"overlapping":                {[]step{{whole, x.early}, {whole, x.middle}}, []bool{false, true}},
		"the newer before the older": {[]step{{whole, x.middle}, {whole, x.early}}, []bool{false}}, // the other refuses what is older
	}
	for name, c := range cases {
		for _, ordered := range c.ordered {
			t.Run(name+map[bool]string{true: ", ordered", false: ""}[ordered], func(t *testing.T) {
				r := receiver.New(receiver.Options{Ordered: ordered})
				for _, s := range c.steps {
					s.run(t, s.dir, r)
				}
				if d := cmp.Diff(want, held(r), cmp.AllowUnexported(heldPoint{})); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
			})
		}
	}
}

func TestManifest(t *testing.T) {
	x := newExported(t)
	before := testkit.ContentOf(t, x.dir)
	m, err := Export(t.Context(), x.dir, filepath.Join(t.TempDir(), "out"), ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stats := x.queue.Stats()
	if m.Totals() != stats.Written || m.Bytes() != stats.Bytes || len(m.Files) != stats.Segments || len(m.Files) < 3 {
		t.Errorf("%v in %d bytes, want %v in %d", m.Totals(), m.Bytes(), stats.Written, stats.Bytes)
	}
	if heads := uint64(len(m.Files)); m.FirstSequence != 1 || m.LastSequence != 60+heads || m.Sites[0] != "paris" || !strings.HasSuffix(m.Agent, ":"+x.dir) {
		t.Errorf("%+v", m)
	}
	if !maps.Equal(before, testkit.ContentOf(t, x.dir)) {
		t.Error("export has changed the queue")
	}
	late, err := Export(t.Context(), x.dir, filepath.Join(t.TempDir(), "out"), ExportOptions{Since: time.UnixMilli(x.fleet.T)})
	if err != nil || len(late.Files) != 1 || late.Files[0] != m.Files[len(m.Files)-1] {
		t.Errorf("since the last sample: %+v, %v", late, err)
	}
	if _, err := Export(t.Context(), x.dir, x.whole, ExportOptions{}); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("export into a bundle = %v", err)
	}
	if _, err := Export(t.Context(), x.dir, filepath.Join(t.TempDir(), "out"), ExportOptions{Endpoint: "clod"}); err == nil || !strings.Contains(err.Error(), "endpoints: cloud") {
		t.Errorf("export for an unknown endpoint = %v", err)
	}
}

// An endpoint's bundle begins where the endpoint is, to the sample.
func TestBundleBeginsAtTheCursor(t *testing.T) {
	x := newExported(t)
	s, err := importTo(t.Context(), t, x.middle, receiver.New(receiver.Options{}))
	if err != nil || s.Samples != 20*20+20*19+1 {
		t.Errorf("%d samples, %v", s.Samples, err)
	}
}

// A failed export leaves nothing that would stop the next.
func TestFailedExportLeavesNothing(t *testing.T) {
	x := newExported(t)
	to := t.TempDir()
	_, err := Export(t.Context(), x.dir, to, ExportOptions{Progress: func(done, total int64) {
		if done < total { // as if retention were faster than the copy
			_ = os.Rename(filepath.Join(x.dir, "00000000000000000002.seg"), filepath.Join(x.dir, "away"))
		}
	}})
	if err == nil || !strings.Contains(err.Error(), "segment 2 was deleted") {
		t.Errorf("Export = %v", err)
	}
	if left := testkit.ContentOf(t, to); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Rename(filepath.Join(x.dir, "away"), filepath.Join(x.dir, "00000000000000000002.seg")); err != nil {
		t.Fatal(err)
	}
	if _, err := Export(t.Context(), x.dir, to, ExportOptions{}); err != nil {
		t.Errorf("Export again = %v", err)
	}
}

func TestInterruptedExportLeavesNothing(t *testing.T) {
	x := newExported(t)
	to := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Export(ctx, x.dir, to, ExportOptions{Progress: func(int64, int64) { cancel() }})
	if !errors.Is(err, queue.ErrInterrupted) {
		t.Errorf("Export = %v", err)
	}
	if left := testkit.ContentOf(t, to); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// keys writes a pair of keys as PEM files.
func keys(t *testing.T) (key, trusted string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	q, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return testkit.WriteFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p}))),
		testkit.WriteFile(t, "trusted.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: q})))
}

func TestBundleIsRefused(t *testing.T) {
	x := newExported(t)
	key, trusted := keys(t)
	_, other := keys(t)
	private, err := ReadSigningKey(key)
	if err != nil {
		t.Fatal(err)
	}
	const second = "00000000000000000002.seg"
	newest := func(dir string) string {
		names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Base(names[len(names)-1])
	}
	edit := func(name string, change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			testkit.WriteFile(t, filepath.Join(dir, name), string(change(b)))
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	cases := map[string]struct {
		harm    func(t *testing.T, dir string)
		trusted string
		want    string
	}{
		"as it was":       {func(*testing.T, string) {}, trusted, ""},
		"no key trusted":  {remove(signatureFile), "", ""},
		"segment changed": {edit(second, flip), "", second + " was changed"},
		"segment cut":     {edit(second, func(b []byte) []byte { return b[:len(b)-1] }), "", second + " is truncated"},
		"segment longer":  {edit(second, func(b []byte) []byte { return append(b, 0) }), "", second + " has more"},
		"segment missing": {remove(second), "", second + " is missing"},
		"newest missing":  {func(t *testing.T, dir string) { remove(newest(dir))(t, dir) }, "", " is missing"},
		"segment added": {func(t *testing.T, dir string) {
			testkit.WriteFile(t, filepath.Join(dir, "00000000000000000099.seg"), strings.Repeat("x", 100))
		}, "", "00000000000000000099.seg is not in manifest.json"},
		"manifest missing":       {remove(manifestFile), "", "manifest.json is missing"},
		"manifest cut":           {edit(manifestFile, func(b []byte) []byte { return b[:len(b)/2] }), "", "manifest.json: "},
		"manifest of no files":   {edit(manifestFile, func([]byte) []byte { return []byte(`{"version":1}`) }), "", "lists no segment"},
		"manifest of tomorrow":   {edit(manifestFile, func([]byte) []byte { return []byte(`{"version":2}`) }), "", "version 2 is not supported, only 1"},
		"manifest points out":    {edit(manifestFile, func(b []byte) []byte { return []byte(strings.Replace(string(b), second, "../../etc/passwd", 1)) }), "", "../../etc/passwd"},
		"manifest changed":       {edit(manifestFile, func(b []byte) []byte { return []byte(strings.Replace(string(b), "paris", "lyons", 1)) }), trusted, "manifest.sig does not match"},
		"another's signature":    {func(*testing.T, string) {}, other, "manifest.sig does not match"},
		"signature missing":      {remove(signatureFile), trusted, "manifest.sig is missing"},
		"signature cut":          {edit(signatureFile, func(b []byte) []byte { return b[:10] }), trusted, "manifest.sig does not match"},
		"signature of a changed": {edit(second, flip), trusted, second + " was changed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := exportTo(t, x.dir, ExportOptions{Key: private})
			c.harm(t, dir)
			var public ed25519.PublicKey
			if c.trusted != "" {
				if public, err = ReadTrustedKey(c.trusted); err != nil {
					t.Fatal(err)
				}
			}
			_, err = NewMedium(public).Open(t.Context(), dir, noProgress)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir)):
				t.Errorf("Open = %v, want %s", err, c.want)
			}
		})
	}
	if _, err := ReadTrustedKey(key); err == nil || !strings.Contains(err.Error(), "PUBLIC KEY") {
		t.Errorf("a private key as the trusted one = %v", err)
	}
}

// What was damaged in the queue is exported as it is: the echo gives back what it can, and the rest is told.
func TestBundleOfADamagedQueue(t *testing.T) {
	x := newExported(t)
	want := x.delivered(t)
	path := filepath.Join(x.dir, "00000000000000000002.seg")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	testkit.WriteFile(t, path, string(b))
	dir := exportTo(t, x.dir, ExportOptions{})
	bundle, err := NewMedium(nil).Open(t.Context(), dir, noProgress)
	if err != nil {
		t.Fatal(err)
	}
	if len(bundle.Damages) != 1 || bundle.Damages[0].Lost.Records != 0 {
		t.Errorf("damages %+v", bundle.Damages)
	}
	r := receiver.New(receiver.Options{Ordered: true})
	if _, err := importTo(t.Context(), t, dir, r); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, held(r), cmp.AllowUnexported(heldPoint{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A receiver that does not answer well is told at once.
func TestImportToAReceiverThatRefuses(t *testing.T) {
	x := newExported(t)
	r := receiver.New(receiver.Options{})
	r.Always(&receiver.Answer{Status: 401, Body: "who?"})
	if _, err := importTo(t.Context(), t, x.whole, r); err == nil || !strings.Contains(err.Error(), "who?") {
		t.Errorf("Send = %v", err)
	}
}

// A stick that is taken out costs no sample in silence.
func TestImportFromWhatGoesAway(t *testing.T) {
	x := newExported(t)
	b, err := NewMedium(nil).Open(t.Context(), x.whole, noProgress)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(x.whole, "00000000000000000002.seg")); err != nil {
		t.Fatal(err)
	}
	c := send.Config{Name: "r", URL: "http://r.test", Transport: testkit.Loopback{To: receiver.New(receiver.Options{})}}
	if _, err := b.Send(t.Context(), c, nil, slog.New(slog.DiscardHandler), noProgress); err == nil || !strings.Contains(err.Error(), "segment 2 is no longer readable") {
		t.Errorf("Send = %v", err)
	}
}

// What a database without an out-of-order window refuses because it has it is not told as refused.
func TestImportAgainIsNoRefusal(t *testing.T) {
	x := newExported(t)
	late := exportTo(t, x.dir, ExportOptions{Since: time.UnixMilli(x.fleet.T - 60_000*25)})
	r := receiver.New(receiver.Options{Ordered: true})
	first, err := importTo(t.Context(), t, late, r)
	if err != nil || len(first.Dropped)+len(first.Rejected) > 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := importTo(t.Context(), t, late, r)
	if err != nil || again.Dropped["repeated"] == 0 {
		t.Errorf("%+v, %v", again, err)
	}
}
