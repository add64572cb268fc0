package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"backwire/remotewrite/hostile"
	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/send"
	"backwire/remotewrite/wal"
)

const secondSegment = "00000000000000000002.seg"

// Whoever has the medium may put a segment of his own there once the right one was verified.
func TestWhatIsSwappedAfterItWasVerifiedIsNotSent(t *testing.T) {
	x := newExported(t)
	want := x.delivered(t)
	dir := filepath.Join(t.TempDir(), "queue") // of somebody else, whose checksums are right
	q := testqueue.In(t, dir, queue.Options{SegmentBytes: 4000})
	testkit.Commit(t, q, testkit.NewFleet("lyons", 20, 0.3), 60)
	testkit.Closed(t, q)
	forged, err := os.ReadFile(filepath.Join(exportTo(t, dir, ExportOptions{}), secondSegment))
	if err != nil {
		t.Fatal(err)
	}
	right, err := os.ReadFile(filepath.Join(x.whole, secondSegment))
	if err != nil {
		t.Fatal(err)
	}
	for name, swapped := range map[string][]byte{
		"as long": append(slices.Clone(forged), right...)[:len(right)], "shorter": forged[:100], "empty": {},
		"longer": append(slices.Clone(right), forged...), // what was verified stands in front of it
	} {
		t.Run(name, func(t *testing.T) {
			testkit.WriteFile(t, filepath.Join(x.whole, secondSegment), string(right))
			b, err := NewMedium(nil).Open(t.Context(), x.whole, noProgress)
			if err != nil {
				t.Fatal(err)
			}
			testkit.WriteFile(t, filepath.Join(x.whole, secondSegment), string(swapped))
			r := receiver.New(receiver.Options{})
			c := send.Config{Name: "r", URL: "http://r.test", MaxSamples: 100, Transport: testkit.Loopback{To: r}}
			_, err = b.Send(t.Context(), c, nil, slog.New(slog.DiscardHandler), noProgress)
			if (name == "longer") != (err == nil) || err != nil && !strings.Contains(err.Error(), "was verified") {
				t.Errorf("Send = %v", err)
			}
			for key, points := range held(r) {
				for p := range points {
					if !want[key][p] {
						t.Fatalf("%s has %v, which the bundle does not hold", key, p)
					}
				}
			}
		})
	}
}

func TestOnlyFilesOfABundleAreRead(t *testing.T) {
	x := newExported(t)
	key, trusted := keys(t)
	private, err := ReadSigningKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ReadTrustedKey(trusted)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{manifestFile, signatureFile, secondSegment} {
		for kind, put := range map[string]func(path string) error{
			"fifo":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
			"device":    func(path string) error { return os.Symlink("/dev/zero", path) },
			"link":      func(path string) error { return os.Symlink(filepath.Base(path)+".away", path) },
			"directory": func(path string) error { return os.Mkdir(path, 0o700) },
			"endless": func(path string) error { // a hole
				return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
			},
		} {
			dir := exportTo(t, x.dir, ExportOptions{Key: private})
			path := filepath.Join(dir, name)
			if err := errors.Join(os.Rename(path, path+".away"), put(path)); err != nil {
				t.Fatal(err)
			}
			if _, err := NewMedium(public).Open(t.Context(), dir, noProgress); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s as %s: %v", kind, name, err)
			}
		}
	}
}

func TestVerifyingEndsWhenItIsInterrupted(t *testing.T) {
	x := newExported(t)
	ctx, cancel := context.WithCancel(t.Context())
	told := 0
	_, err := NewMedium(nil).Open(ctx, x.whole, func(int64, int64) { told++; cancel() })
	if !errors.Is(err, queue.ErrInterrupted) || told != 1 {
		t.Errorf("Open = %v after %d segments", err, told)
	}
}

// editManifest writes a bundle's manifest anew, as somebody without a key can.
func editManifest(t *testing.T, dir string, change func(m *Manifest)) {
	t.Helper()
	path := filepath.Join(dir, manifestFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	if b, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	testkit.WriteFile(t, path, string(b))
}

func TestManifestIsRefused(t *testing.T) {
	x := newExported(t)
	for name, c := range map[string]struct {
		change func(m *Manifest)
		want   string
	}{
		"name twice":         {func(m *Manifest) { m.Files[1] = m.Files[0] }, "twice"},
		"not in order":       {func(m *Manifest) { slices.Reverse(m.Files) }, "out of order"},
		"name points out":    {func(m *Manifest) { m.Files[0].Name = "../00000000000000000001.seg" }, "not the name of a segment"},
		"a terminal's words": {func(m *Manifest) { m.Files[0].Name = "\x1b[2J.seg" }, `\x1b[2J`},
		"less than nothing":  {func(m *Manifest) { m.Files[0].Bytes = -1 }, "impossible size"},
		"too much":           {func(m *Manifest) { m.Files[0].Bytes = 1 << 62 }, "impossible size"},
		"long agent":         {func(m *Manifest) { m.Agent = strings.Repeat("x", 2000) }, "too long"},
		"another hash":       {func(m *Manifest) { m.Files[0].SHA256 = "md5:0" }, "SHA-256"},
		"too many segments": {func(m *Manifest) {
			for i := range 40_000 {
				m.Files = append(m.Files, File{Name: wal.SegmentInfo{Number: uint64(100 + i)}.Name()})
			}
		}, "more than"},
	} {
		dir := exportTo(t, x.dir, ExportOptions{})
		editManifest(t, dir, c.change)
		_, err := NewMedium(nil).Open(t.Context(), dir, noProgress)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// U+009B begins a command as ESC [ does, U+202E turns what follows round, a newline begins a line that nobody wrote.
func TestManifestsWordsAreSafeForATerminal(t *testing.T) {
	x := newExported(t)
	dir := exportTo(t, x.dir, ExportOptions{})
	hostile := "lyon\x1b[2J\u009b1A\u202e\r\nbundle: verified\x00\x7f"
	editManifest(t, dir, func(m *Manifest) { m.Agent, m.Endpoint, m.Sites = hostile, hostile, []string{hostile} })
	b, err := NewMedium(nil).Open(t.Context(), dir, noProgress)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(b.Manifest.Sites, b.Manifest.Agent, b.Manifest.Endpoint) {
		if strings.ContainsAny(text, "\x1b\u009b\u202e\r\n\x00\x7f") || !strings.HasPrefix(text, "lyon") {
			t.Errorf("%q", text)
		}
	}
}

// Bundles of one endpoint begin where the one before ended: what is between two that do not was left out.
func TestMissingBundleIsNamed(t *testing.T) {
	x := newExported(t)
	s := testqueue.Subscribe(t, x.queue, "stick")
	var dirs []string
	for number := range uint64(4) {
		testkit.Commit(t, x.queue, x.fleet, 20)
		dirs = append(dirs, exportTo(t, x.dir, ExportOptions{Endpoint: "stick", Number: 12 + number}))
		testwindow.Drain(t, s)
	}
	testkit.Closed(t, s)
	for name, c := range map[string]struct {
		carried []int
		want    string
	}{
		"all":        {[]int{0, 1, 2, 3}, ""},
		"disordered": {[]int{2, 0, 3, 1, 1}, ""},
		"one out":    {[]int{0, 2, 3}, "bundle 13 of "},
		"two out":    {[]int{0, 3}, "bundles 13 to 14 of "},
	} {
		m := NewMedium(nil)
		for _, i := range c.carried {
			if _, err := m.Open(t.Context(), dirs[i], noProgress); err != nil {
				t.Fatal(err)
			}
		}
		missing := m.Missing()
		if c.want == "" && len(missing) > 0 || c.want != "" && (len(missing) != 1 || !strings.HasPrefix(missing[0], c.want)) {
			t.Errorf("%s: %q, want %q", name, missing, c.want)
		}
	}
	// What another carried is not missing.
	m := NewMedium(nil)
	for _, dir := range []string{dirs[0], dirs[3], exportTo(t, x.dir, ExportOptions{})} {
		if _, err := m.Open(t.Context(), dir, noProgress); err != nil {
			t.Fatal(err)
		}
	}
	if missing := m.Missing(); len(missing) > 0 {
		t.Errorf("with a bundle of everything: %q", missing)
	}
}

// What a few hundred kilobytes may ask for: more than a thousand times themselves, where nobody looks.
func TestHostileBundlesTakeLittleMemory(t *testing.T) {
	for _, hostile := range hostile.Bundles() {
		t.Run(hostile.Name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "hostile")
			if err := hostile.Write(dir); err != nil {
				t.Fatal(err)
			}
			size := len(hostile.Listed)
			for _, r := range hostile.Records {
				size += len(r)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			b, err := NewMedium(nil).Open(t.Context(), dir, noProgress)
			if err == nil {
				c := send.Config{Name: "r", URL: "http://r.test", Transport: testkit.Loopback{To: receiver.New(receiver.Options{})}}
				_, err = b.Send(t.Context(), c, nil, slog.New(slog.DiscardHandler), noProgress)
			}
			runtime.ReadMemStats(&after)
			// All that was ever allocated, some two to four times what was held at a time.
			taken := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d bytes took %d MiB: %v", size, taken>>20, err)
			if taken > 112<<20+2*uint64(size) {
				t.Errorf("%d bytes took %d MiB", size, taken>>20)
			}
			if err == nil {
				t.Error("it was taken")
			}
		})
	}
}
