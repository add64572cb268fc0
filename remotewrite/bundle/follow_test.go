package bundle

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/send"
)

// inbox is a directory that a follower takes bundles from, and the bundles of a medium that come into it.
type inbox struct {
	*medium
	in       string
	names    []string // of the medium's bundles, the oldest first
	receiver *receiver.Receiver
	down     atomic.Bool  // the second endpoint's receiver
	hangs    atomic.Bool  // after its first answer
	requests atomic.Int64 // that it answered
	trusted  ed25519.PublicKey
	second   bool
}

// newInbox exports six bundles of ten cycles each.
func newInbox(t *testing.T, key ed25519.PrivateKey) *inbox {
	t.Helper()
	x := &inbox{medium: newMedium(t), in: t.TempDir(), receiver: receiver.New(receiver.Options{Ordered: true})}
	x.config.Key = key
	x.insert(t)
	x.live(t, func(q *queue.Queue, _ *Exporter) {
		for range 6 {
			testkit.Commit(t, q, x.fleet, 10)
			time.Sleep(time.Hour)
		}
	})
	dirs, err := Bundles(x.dir)
	if err != nil || len(dirs) != 6 {
		t.Fatalf("%q, %v", dirs, err)
	}
	for _, dir := range dirs {
		x.names = append(x.names, filepath.Base(dir))
	}
	return x
}

// RoundTrip implements http.RoundTripper: it is the way to the second receiver.
func (x *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	if x.down.Load() || x.hangs.Load() && x.requests.Load() > 0 {
		return nil, context.DeadlineExceeded
	}
	x.requests.Add(1)
	return testkit.Loopback{To: receiver.New(receiver.Options{})}.RoundTrip(r)
}

// follow runs a follower while something happens, as if it were killed at the end of it.
func (x *inbox) follow(t *testing.T, during func(f *Follower)) {
	t.Helper()
	to := []send.Config{{Name: "r", URL: "http://r.test", Transport: testkit.Loopback{To: x.receiver}}}
	if x.second {
		to = append(to, send.Config{Name: "second", URL: "http://second.test", Transport: x})
	}
	f, err := NewFollower(FollowConfig{Dir: x.in, To: to, Trusted: x.trusted}, slog.New(slog.NewTextHandler(&x.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	during(f)
	cancel()
	running.Wait()
}

// arriveFiles copies the files of a bundle whose names the condition holds for.
func (x *inbox) arriveFiles(t *testing.T, n int, which func(name string) bool) {
	t.Helper()
	to := filepath.Join(x.in, x.names[n])
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, content := range testkit.ContentOf(t, filepath.Join(x.dir, x.names[n])) {
		if name := filepath.Base(path); which(name) {
			testkit.WriteFile(t, filepath.Join(to, name), content)
		}
	}
}

func (x *inbox) arriveWhole(t *testing.T, bundles ...int) {
	t.Helper()
	for _, n := range bundles {
		x.arriveFiles(t, n, func(string) bool { return true })
	}
}

// wantDone wants these bundles in done/, and so many points at the receiver: one that came twice is refused there, or counted.
func (x *inbox) wantDone(t *testing.T, points int, bundles ...int) {
	t.Helper()
	var want, got []string
	for _, n := range bundles {
		want = append(want, x.names[n])
	}
	entries, err := os.ReadDir(filepath.Join(x.in, doneDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			got = append(got, e.Name())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("done: %q, want %q", got, want)
	}
	have := 0
	for _, s := range testkit.Data(x.receiver) {
		have += len(s.Points)
	}
	if have != points {
		t.Errorf("%d points arrived, want %d", have, points)
	}
}

// A bundle that is copied piece by piece is not touched before all of it is there; then it is sent, in order, and moved.
func TestFollowerWaitsForWholeBundles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newInbox(t, nil)
		x.follow(t, func(f *Follower) {
			time.Sleep(time.Minute)
			x.arriveFiles(t, 0, func(name string) bool { return name != manifestFile })
			time.Sleep(time.Minute)
			x.wantDone(t, 0)
			if s := f.Stats(); len(s.Waiting) != 1 || s.Waiting[0].Why != "manifest.json is not there yet" || s.Waiting[0].Stuck {
				t.Errorf("%+v", s.Waiting)
			}
			x.arriveWhole(t, 0)
			time.Sleep(time.Minute)
			x.wantDone(t, 500, 0)
			// The newer one is whole first; it waits for the older one, which is on its way.
			x.arriveFiles(t, 1, func(name string) bool { return name == manifestFile })
			x.arriveWhole(t, 2)
			time.Sleep(time.Minute)
			x.wantDone(t, 500, 0)
			if s := f.Stats(); len(s.Waiting) != 2 || !strings.Contains(s.Waiting[0].Why, "files are not there yet, the first is 0") || !strings.Contains(s.Waiting[1].Why, "goes before it") {
				t.Errorf("%+v", s.Waiting)
			}
			x.arriveWhole(t, 1)
			time.Sleep(time.Minute)
			x.wantDone(t, 1500, 0, 1, 2)
			if s := f.Stats(); s.Done != 3 || len(s.Waiting) != 0 || s.Endpoints[0].Samples != 1500 || s.Agents[0].Number != 3 || len(s.Agents[0].Gaps) != 0 {
				t.Errorf("%+v", s)
			}
		})
	})
}

// A bundle that is missing is named at once; what lies behind it does not wait for ever, and it closes the gap when it comes.
func TestFollowerNamesWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newInbox(t, nil)
		x.receiver = receiver.New(receiver.Options{}) // takes what is late
		x.arriveWhole(t, 0, 1, 3)
		x.follow(t, func(f *Follower) {
			time.Sleep(time.Minute)
			x.wantDone(t, 1000, 0, 1)
			if s := f.Stats(); len(s.Agents[0].Gaps) != 1 || !strings.Contains(s.Agents[0].Gaps[0], "bundle 3 of ") || !strings.Contains(s.Agents[0].Gaps[0], " is missing") {
				t.Errorf("%+v", s.Agents)
			}
			time.Sleep(10 * time.Minute)
			x.wantDone(t, 1500, 0, 1, 3)
		})
		if err := os.RemoveAll(filepath.Join(x.in, doneDir, x.names[1])); err != nil { // somebody tidies up
			t.Fatal(err)
		}
		x.follow(t, func(f *Follower) {
			time.Sleep(time.Minute)
			if s := f.Stats(); len(s.Agents[0].Gaps) != 1 || !strings.Contains(s.Agents[0].Gaps[0], "is missing") || s.Agents[0].Number != 4 {
				t.Errorf("after a restart: %+v", s.Agents)
			}
			x.arriveWhole(t, 4)
			time.Sleep(time.Minute)
			x.wantDone(t, 2000, 0, 3, 4) // nobody waits again for what is missing
			x.arriveWhole(t, 2)
			time.Sleep(time.Minute)
			x.wantDone(t, 2500, 0, 2, 3, 4)
			if s := f.Stats(); len(s.Agents[0].Gaps) != 0 || s.Agents[0].Number != 5 {
				t.Errorf("%+v", s.Agents)
			}
		})
	})
}

// What is changed, or signed by another, stays where it is, is named and is never sent.
func TestFollowerRefusesWhatIsNotSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trusted, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		x := newInbox(t, key)
		x.trusted = trusted
		x.arriveWhole(t, 0, 1)
		x.arriveFiles(t, 2, func(name string) bool { return name != signatureFile })
		segment := ""
		for path, content := range testkit.ContentOf(t, filepath.Join(x.in, x.names[1])) {
			if strings.HasSuffix(path, ".seg") {
				segment = path
				testkit.WriteFile(t, path, content[:len(content)-1]+"x")
			}
		}
		x.follow(t, func(f *Follower) {
			time.Sleep(20 * time.Minute)
			x.wantDone(t, 500, 0)
			s := f.Stats()
			if len(s.Waiting) != 2 || !s.Waiting[0].Stuck || !s.Waiting[1].Stuck || !strings.Contains(s.Waiting[0].Why, filepath.Base(segment)+" was changed") && !strings.Contains(s.Waiting[1].Why, filepath.Base(segment)+" was changed") {
				t.Errorf("%+v", s.Waiting)
			}
			x.arriveWhole(t, 1, 2) // it is copied again
			time.Sleep(time.Minute)
			x.wantDone(t, 1500, 0, 1, 2)
		})
	})
}

// What was taken is not sent again when it is copied again, and is moved to the same place.
func TestFollowerKnowsWhatComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newInbox(t, nil)
		x.arriveWhole(t, 0, 1)
		x.follow(t, func(*Follower) { time.Sleep(time.Minute) })
		requests := len(x.receiver.Requests())
		x.arriveWhole(t, 0)
		x.arriveFiles(t, 1, func(name string) bool { return name == manifestFile })
		x.follow(t, func(f *Follower) {
			time.Sleep(time.Minute)
			if s := f.Stats(); len(s.Waiting) != 1 || s.Waiting[0].Name != x.names[1] { // somebody may be writing to it
				t.Errorf("%+v", s.Waiting)
			}
			x.arriveWhole(t, 1)
			time.Sleep(time.Minute)
			x.wantDone(t, 1000, 0, 1)
			if s := f.Stats(); s.Done != 0 || len(s.Waiting) != 0 {
				t.Errorf("%+v", s)
			}
		})
		if n := len(x.receiver.Requests()); n != requests {
			t.Errorf("%d requests were sent for bundles that were taken", n-requests)
		}
	})
}

// Whenever the program ends, also between two steps, the next one goes on: nothing is left out and nothing is twice. What a kill leaves is made
// here by hand: a bundle that was sent and not written down, and one that was written down and not moved.
func TestFollowerGoesOnAfterAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newInbox(t, nil)
		x.arriveWhole(t, 0, 1, 2)
		x.follow(t, func(*Follower) { time.Sleep(time.Minute) })
		x.wantDone(t, 1500, 0, 1, 2)
		done := filepath.Join(x.in, doneDir)
		if err := os.Rename(filepath.Join(done, x.names[2]), filepath.Join(x.in, x.names[2])); err != nil {
			t.Fatal(err)
		}
		x.follow(t, func(*Follower) { time.Sleep(time.Minute) })
		x.wantDone(t, 1500, 0, 1, 2)
		for _, n := range []int{1, 2} {
			if err := os.Rename(filepath.Join(done, x.names[n]), filepath.Join(x.in, x.names[n])); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Remove(filepath.Join(done, takenFile)); err != nil {
			t.Fatal(err)
		}
		x.follow(t, func(*Follower) { time.Sleep(time.Minute) })
		x.wantDone(t, 1500, 0, 1, 2)
	})
}

// An endpoint that is down delays no other, and what it lacks is not done.
func TestFollowerSendsToEachEndpointOnItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newInbox(t, nil)
		x.second = true
		x.down.Store(true)
		x.arriveWhole(t, 0, 1)
		x.follow(t, func(f *Follower) {
			time.Sleep(time.Hour)
			x.wantDone(t, 1000)
			if s := f.Stats(); s.Endpoints[1].Error == "" || s.Endpoints[0].Error != "" {
				t.Errorf("%+v", s.Endpoints)
			}
			x.down.Store(false)
			time.Sleep(time.Hour)
			x.wantDone(t, 1000, 0, 1)
			if s := f.Stats(); s.Endpoints[1].Error != "" || s.Endpoints[1].Samples != 1000 {
				t.Errorf("%+v", s.Endpoints)
			}
		})
	})
}

// A receiver that fails in the middle of a bundle is told after a while, and the rest is sent when it is back.
func TestFollowerTellsWhatMakesNoProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newInbox(t, nil)
		x.second = true
		x.hangs.Store(true)
		x.arriveWhole(t, 0)
		x.follow(t, func(f *Follower) {
			time.Sleep(5 * time.Minute)
			if s := f.Stats(); s.Endpoints[1].Error != "" || s.Waiting[0].Why != "it is being sent" {
				t.Errorf("%+v", s)
			}
			time.Sleep(10 * time.Minute)
			if s := f.Stats(); !strings.Contains(s.Endpoints[1].Error, x.names[0]+" has made no progress for 1") {
				t.Errorf("%+v", s)
			}
			x.hangs.Store(false)
			time.Sleep(time.Hour)
			x.wantDone(t, 500, 0)
			if s := f.Stats(); s.Endpoints[1].Error != "" || s.Endpoints[1].Samples != 500 {
				t.Errorf("%+v", s)
			}
		})
	})
}

// What cannot be written down is not moved: it is told, and tried again.
func TestFollowerWritesDownWhatItMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newInbox(t, nil)
		inTheWay := filepath.Join(x.in, doneDir, takenFile)
		x.follow(t, func(f *Follower) {
			if err := os.Mkdir(inTheWay, 0o700); err != nil {
				t.Fatal(err)
			}
			x.arriveWhole(t, 0, 1)
			time.Sleep(time.Minute)
			if s := f.Stats(); !strings.Contains(s.Trouble, "store what was imported") || s.Done != 0 || len(s.Waiting) != 2 {
				t.Errorf("%+v", s)
			}
			if err := os.Remove(inTheWay); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			x.wantDone(t, 1000, 0, 1)
			if s := f.Stats(); s.Trouble != "" || s.Done != 2 {
				t.Errorf("%+v", s)
			}
		})
		root, err := os.OpenRoot(filepath.Join(x.in, doneDir))
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		if stored, err := readTaken(root); err != nil || len(stored.Manifests) != 2 {
			t.Errorf("%+v, %v", stored, err)
		}
	})
}

// A file that is damaged is not believed.
func TestTakenIsChecked(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	stored, err := readTaken(root)
	if err != nil {
		t.Fatal(err)
	}
	stored.Manifests = []string{"a"}
	if err := stored.write(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, takenFile)
	right := testkit.ContentOf(t, dir)[path]
	for _, wrong := range []string{"", right[:5], right[:len(right)-1], strings.Replace(right, `"a"`, `"b"`, 1), takenSum([]byte("{}")) + "{}"} {
		testkit.WriteFile(t, path, wrong)
		if got, err := readTaken(root); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("%q: %+v, %v", wrong, got, err)
		}
	}
	testkit.WriteFile(t, path, right)
	if got, err := readTaken(root); err != nil || !got.has("a") {
		t.Errorf("%+v, %v", got, err)
	}
}

// Two programs do not take from one directory.
func TestFollowerIsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newInbox(t, nil)
		x.follow(t, func(*Follower) {
			time.Sleep(time.Minute)
			other, err := NewFollower(FollowConfig{Dir: x.in}, slog.New(slog.DiscardHandler))
			if err == nil {
				err = other.Run(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), "another backwire queue import --follow") {
				t.Error(err)
			}
		})
	})
}
