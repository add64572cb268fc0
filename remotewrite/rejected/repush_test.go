package rejected

import (
	"errors"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/send"
	"backwire/source"
)

// storedRejections is a store with a rejection of two metrics: each has a sample of two hours ago and one of now.
func storedRejections(t *testing.T) (string, *Store) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	store := openRejected(t, dir)
	now := time.Now().UnixMilli() - 1 // older than any age, in the same millisecond too
	r := send.Rejection{Time: time.Now(), Endpoint: "cloud", Status: 400, Words: "no", Samples: 4}
	for _, name := range []string{"up", "down"} {
		r.Series = append(r.Series, send.RejectedSeries{
			Name: name, Metric: send.RejectedMetric{Name: name, Type: source.Gauge}, Points: []send.RejectedPoint{{T: now - 7_200_000, V: 1}, {T: now, V: 2}},
		})
	}
	if err := store.Reject(r); err != nil {
		t.Fatal(err)
	}
	return dir, store
}

// Nothing leaves the store that was neither delivered nor refused again, whatever kept it from being sent.
func TestRepushKeepsWhatIsNotSent(t *testing.T) {
	for name, c := range map[string]struct {
		config      send.Config
		poison      string
		taken, held int
		stored      int // samples that the receiver has then
		left        int // samples that the store has
	}{
		"all is taken":       {send.Config{}, "", 1, 0, 4, 0},
		"all is refused":     {send.Config{}, ".", 0, 0, 0, 4},
		"some is refused":    {send.Config{}, "^up$", 0, 0, 2, 2},
		"some is too old":    {send.Config{MaxSampleAge: time.Hour}, "", 0, 2, 2, 2},
		"all is too old":     {send.Config{MaxSampleAge: time.Nanosecond}, "", 0, 4, 0, 4},
		"one is dropped":     {send.Config{Drop: regexp.MustCompile("^up$")}, "", 0, 2, 2, 2},
		"none is kept":       {send.Config{Keep: regexp.MustCompile("^x$")}, "", 0, 4, 0, 4},
		"dropped or refused": {send.Config{Drop: regexp.MustCompile("^up$")}, "^down$", 0, 2, 0, 4},
		"old or refused":     {send.Config{MaxSampleAge: time.Hour}, "^up$", 0, 2, 1, 3},
	} {
		t.Run(name, func(t *testing.T) {
			dir, store := storedRejections(t)
			defer testkit.Closed(t, store)
			to := receiver.New(receiver.Options{Poison: func(s *receiver.Series, _ receiver.Point) error {
				if name := s.Label("__name__"); name != "backwire_canary" && c.poison != "" && regexp.MustCompile(c.poison).MatchString(name) {
					return errors.New("poisoned")
				}
				return nil
			}})
			c.config.Name, c.config.URL, c.config.Transport = "cloud", "http://r.test/", testkit.Loopback{To: to}
			done, err := store.Repush(t.Context(), c.config, slog.New(slog.DiscardHandler), func(int64, int64) {})
			if err != nil || done.Rejections != 1 || done.Taken != c.taken || done.Held != c.held {
				t.Errorf("%+v, %v; want %d taken and %d held", done, err, c.taken, c.held)
			}
			stored, left := 0, 0
			for _, s := range testkit.Data(to) {
				times := map[int64]bool{} // what is searched for is sent again
				for _, p := range s.Points {
					times[p.T] = true
				}
				stored += len(times)
			}
			rejections, _ := readRejections(dir)
			for _, r := range rejections {
				if r.Samples == 0 || len(r.Series) == 0 {
					t.Errorf("a rejection of nothing is left: %+v", r)
				}
				for _, s := range r.Series {
					left += len(s.Points)
				}
			}
			if stored != c.stored || left != c.left {
				t.Errorf("the receiver has %d samples and the store %d, want %d and %d", stored, left, c.stored, c.left)
			}
		})
	}
}

// An endpoint that cannot be used sends nothing, says why, and everything stays.
func TestRepushToAnUnusableEndpoint(t *testing.T) {
	dir, store := storedRejections(t)
	defer testkit.Closed(t, store)
	_, err := store.Repush(t.Context(), send.Config{Name: "cloud", URL: "http://r.test/", Protocol: "3.0"}, slog.New(slog.DiscardHandler), func(int64, int64) {})
	if err == nil || !strings.Contains(err.Error(), "3.0") {
		t.Errorf("err %v, want one that names the protocol", err)
	}
	if left, _ := readRejections(dir); len(left) != 1 {
		t.Errorf("%d rejections are left, want 1", len(left))
	}
}
