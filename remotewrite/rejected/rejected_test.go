package rejected

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/send"
	"backwire/source"
)

func openRejected(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rejection(n int) send.Rejection {
	return send.Rejection{
		Time: time.UnixMilli(testwindow.Time + int64(n)).UTC(), Endpoint: "cloud", Status: 400, Words: "no\n\"thanks\"", Samples: n,
		Series: []send.RejectedSeries{{
			Name: "up", Labels: []source.Label{{Name: "site", Value: "parïs"}},
			Points: []send.RejectedPoint{{T: 1, V: 0.1}, {T: 2, V: source.Stale()}, {T: 3, V: math.Inf(-1)}, {T: 4, V: math.MaxFloat64}},
		}},
	}
}

func readRejections(dir string) (all []send.Rejection, problems []error) {
	for r, err := range Read(dir) {
		if err != nil {
			problems = append(problems, err)
			continue
		}
		all = append(all, r)
	}
	return all, problems
}

func TestRejectedStoreKeepsWhatItIsGiven(t *testing.T) {
	dir := t.TempDir()
	var want []send.Rejection
	for n := range 3 { // each in a life of its own
		s := openRejected(t, dir)
		want = append(want, rejection(n))
		if err := s.Reject(want[n]); err != nil {
			t.Fatal(err)
		}
		testkit.Closed(t, s)
	}
	got, problems := readRejections(dir)
	// By their bits, because a stale marker is a NaN among others.
	bits := cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	if d := cmp.Diff(want, got, bits, cmpopts.IgnoreFields(send.Rejection{}, "ID")); d != "" || problems != nil {
		t.Errorf("%v (-want +got):\n%s", problems, d)
	}
}

func TestRejectedStoreIsBounded(t *testing.T) {
	dir := t.TempDir()
	s := openRejected(t, dir)
	s.most = 2000
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 50 {
				if err := s.Reject(rejection(n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	testkit.Closed(t, s)
	got, problems := readRejections(dir)
	if len(got) < 4 || len(got) > 20 || problems != nil {
		t.Errorf("%d rejections, %v", len(got), problems)
	}
	for _, name := range []string{rejectedFile, rejectedOlder} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() > 2000 || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
	}
}

// Two programs, as an agent and who pushes again beside it: whoever replaces the file, the newest are kept.
func TestRejectedStoreIsSharedByTwoPrograms(t *testing.T) {
	dir := t.TempDir()
	both := []*Store{openRejected(t, dir), openRejected(t, dir)}
	for n := range 50 {
		both[n%2].most = 2000
		if err := both[n/3%2].Reject(rejection(n)); err != nil {
			t.Fatal(err)
		}
		got, problems := readRejections(dir)
		if last := got[len(got)-1]; last.Samples != n || problems != nil {
			t.Fatalf("after %d the newest is %d, %v", n, last.Samples, problems)
		}
		if least := min(n+1, 4); len(got) < least {
			t.Fatalf("after %d only %d are kept", n, len(got))
		}
	}
	testkit.Closed(t, both[0])
	testkit.Closed(t, both[1])
}

// Who opens the store while another program writes may take that line for one that was cut off, and end it.
func TestRejectedStoreWithAnEmptyLine(t *testing.T) {
	dir := t.TempDir()
	s := openRejected(t, dir)
	defer testkit.Closed(t, s)
	if err := s.Reject(rejection(1)); err != nil {
		t.Fatal(err)
	}
	l := <-s.turn
	if _, err := l.file.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	s.turn <- l
	if got, problems := readRejections(dir); len(got) != 1 || problems != nil {
		t.Errorf("%d, %v", len(got), problems)
	}
}

func TestRejectedStoreSurvivesDamage(t *testing.T) {
	dir := t.TempDir()
	s := openRejected(t, dir)
	for n := range 3 {
		if err := s.Reject(rejection(n)); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Closed(t, s)
	path := filepath.Join(dir, rejectedFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	lines[1] = strings.Replace(lines[1], `"status":400`, `"status":401`, 1)
	lines[1] = strings.Replace(lines[1], `"Status":400`, `"Status":401`, 1)
	torn := strings.Join(lines[:3], "")
	testkit.WriteFile(t, path, torn[:len(torn)-10])
	s = openRejected(t, dir)
	if err := s.Reject(rejection(3)); err != nil {
		t.Fatal(err)
	}
	testkit.Closed(t, s)
	got, problems := readRejections(dir)
	if len(got) != 2 || got[0].Samples != 0 || got[1].Samples != 3 || len(problems) != 2 {
		t.Errorf("read %d rejections, problems %v", len(got), problems)
	}
}

func TestNoRejectedStore(t *testing.T) {
	if got, problems := readRejections(t.TempDir()); got != nil || problems != nil {
		t.Errorf("%v, %v", got, problems)
	}
	if _, problems := readRejections("/nowhere"); len(problems) != 1 {
		t.Errorf("%v", problems)
	}
}

// A store may be damaged, or somebody else's: a line without an end, an endless file, and objects that take forty
// times their bytes.
func TestRejectedStoreIsReadWithinABound(t *testing.T) {
	right, err := send.EncodeLine(versioned{Version: rejectedVersion, Rejection: rejection(7)})
	if err != nil {
		t.Fatal(err)
	}
	summed := func(text string) string { return fmt.Sprintf("%08x %s\n", send.LineSum([]byte(text)), text) }
	many := summed(`{"v":1,"series":[{}` + strings.Repeat(",{}", 1_300_000) + `]}`)
	for name, c := range map[string]struct {
		content string
		holes   int64
		want    string
		read    int
	}{
		"long line":    {strings.Repeat("x", 20<<20) + "\n" + string(right), 0, "line 1: skipped: it has 20971520 bytes", 1},
		"empty series": {many + string(right), 0, "line 1: skipped: 1300002 objects", 1},
		"endless":      {string(right), 1 << 40, "the rest is skipped", 1},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, rejectedFile)
		testkit.WriteFile(t, path, c.content)
		if c.holes > 0 {
			if err := os.Truncate(path, c.holes); err != nil {
				t.Fatal(err)
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, problems := readRejections(dir)
		runtime.ReadMemStats(&after)
		if len(got) != c.read || len(problems) == 0 || !strings.Contains(errors.Join(problems...).Error(), c.want) {
			t.Errorf("%s: %d rejections, %v", name, len(got), problems)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 48<<20 { // of two readings
			t.Errorf("%s: %d MiB are taken", name, taken>>20)
		}
	}
}

// What is refused at once may be more than a line takes.
func TestRejectedStoreDividesWhatIsLong(t *testing.T) {
	dir := t.TempDir()
	s := openRejected(t, dir)
	big := rejection(30_000)
	series := big.Series[0]
	series.Labels = []source.Label{{Name: "client", Value: strings.Repeat("c", 1<<20)}}
	big.Series = nil
	for range 9 {
		big.Series = append(big.Series, series)
	}
	if err := s.Reject(big); err != nil {
		t.Fatal(err)
	}
	testkit.Closed(t, s)
	got, problems := readRejections(dir)
	samples, held := 0, 0
	for _, r := range got {
		samples += r.Samples
		held += len(r.Series)
	}
	if len(got) < 3 || samples != 30_000 || held != 9 || problems != nil {
		t.Errorf("%d rejections of %d series and %d samples, %v", len(got), held, samples, problems)
	}
}

func TestRejectedStoreMovesToANewDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := openRejected(t, dir)
	if err := errors.Join(s.Reject(send.Rejection{Words: "first"}), os.RemoveAll(dir)); err != nil {
		t.Fatal(err)
	}
	if err := s.Reject(send.Rejection{Words: "nowhere"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("kept in nothing: %v", err)
	}
	if err := errors.Join(os.Mkdir(dir, 0o700), s.Reject(send.Rejection{Words: "second"})); err != nil {
		t.Fatal(err)
	}
	for r, err := range Read(dir) {
		if err != nil || r.Words != "second" {
			t.Errorf("kept %q, %v", r.Words, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
