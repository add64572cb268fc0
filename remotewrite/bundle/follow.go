package bundle

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/send"
)

// doneDir is where bundles go that every endpoint has, below the directory that they come into.
const doneDir = "done"

const (
	lookEvery   = 2 * time.Second  // at the directory
	retryAfter  = 30 * time.Second // an endpoint that failed, a bundle that was refused
	gapPatience = 10 * time.Minute // for what may still be copied and goes before
)

// FollowConfig says what comes from where and goes to whom.
type FollowConfig struct {
	Dir      string            // where bundles come into, each in a directory of its own
	Trusted  ed25519.PublicKey // that has to have signed them; nil is anybody
	To       []send.Config
	Rejected send.Rejected // what takes refused samples; may be nil
}

// Follower sends bundles as they come into a directory: each when all of it is there and as its manifest says, the oldest first, to every
// endpoint on its own. What every endpoint has is written down and moved to done/. When it is ended at any point, a bundle may be sent again,
// which changes nothing at a receiver, and none is left out.
type Follower struct {
	config     FollowConfig
	log        *slog.Logger
	deliveries []*delivery
	taken      *taken              // of Run's goroutine
	stored     bool                // what was taken is on the disk, likewise
	seen       map[string]*arrival // by name, likewise; nil before the first look
	news       chan struct{}       // a delivery has sent or refused something

	mu       sync.Mutex
	ready    []*arrival // whole and not held back, the oldest first
	arrivals []*arrival // all
	facts    FollowStats
}

// delivery sends to one endpoint. What it did with a bundle is known by the manifest's hash.
type delivery struct {
	to      send.Config
	sent    map[string]bool    // guarded by the follower's mu, as is the rest
	refused map[string]refusal // what could not be verified
	sending string             // a bundle's name, empty where none is under way
	moved   time.Time          // when that began or last made progress
	stats   DeliveryStats
}

type refusal struct {
	listing, why string
	at           time.Time
}

// DeliveryStats is what one endpoint has been sent since the follower began.
type DeliveryStats struct {
	Endpoint string `json:"endpoint"`
	Samples  uint64 `json:"samples"`
	Rejected uint64 `json:"rejected"`
	Dropped  uint64 `json:"dropped"`
	Error    string `json:"error,omitempty"` // of the last bundle, or that the one under way does not get on; empty where all is well
}

// Waiting is a bundle that is not sent, and why.
type Waiting struct {
	Name  string    `json:"name"`
	Why   string    `json:"why"`
	Since time.Time `json:"since"` // when it last changed
	Stuck bool      `json:"stuck"` // it does not become whole, or is not what its manifest or the key says
}

// AgentStats is how far the bundles of an agent have come.
type AgentStats struct {
	Agent  string    `json:"agent"`
	Number uint64    `json:"number"`         // of the newest bundle, 0 where they have none
	Newest time.Time `json:"newest"`         // when that was made
	Gaps   []string  `json:"gaps,omitempty"` // between bundles, in words
}

// FollowStats is what a follower knows.
type FollowStats struct {
	Done      uint64          `json:"done"`              // bundles that every endpoint got, since the follower began
	Trouble   string          `json:"trouble,omitempty"` // why nothing goes on, empty where it does
	Waiting   []Waiting       `json:"waiting,omitempty"`
	Agents    []AgentStats    `json:"agents"`
	Endpoints []DeliveryStats `json:"endpoints"`
}

// NewFollower makes done/ where there is none.
func NewFollower(c FollowConfig, log *slog.Logger) (*Follower, error) {
	if err := os.Mkdir(filepath.Join(c.Dir, doneDir), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("follow %s: %w%s", c.Dir, err, queue.Advice(err, c.Dir))
	}
	root, err := os.OpenRoot(filepath.Join(c.Dir, doneDir))
	if err != nil {
		return nil, fmt.Errorf("follow %s: %w", c.Dir, err)
	}
	defer root.Close()
	taken, err := readTaken(root)
	if err != nil {
		return nil, fmt.Errorf("follow %s: %w", c.Dir, err)
	}
	f := &Follower{config: c, log: log, taken: taken, stored: true, news: make(chan struct{}, 1)}
	for _, to := range c.To {
		f.deliveries = append(f.deliveries, &delivery{to: to, sent: map[string]bool{}, refused: map[string]refusal{}, stats: DeliveryStats{Endpoint: to.Name}})
	}
	return f, nil
}

// ErrFollowed says that another program takes bundles from the directory.
var ErrFollowed = errors.New("another backwire queue import --follow takes bundles from it")

// Run goes on until ctx ends. One program at a time may follow a directory.
func (f *Follower) Run(ctx context.Context) error {
	lock := flock.New(filepath.Join(f.config.Dir, doneDir, ".lock"), flock.SetPermissions(bundleMode))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		err = ErrFollowed
	}
	if err != nil {
		return fmt.Errorf("follow %s: %w", f.config.Dir, err)
	}
	defer func() { _ = lock.Close() }()
	var running sync.WaitGroup
	defer running.Wait()
	for _, d := range f.deliveries {
		running.Go(func() { f.send(ctx, d) })
	}
	for {
		f.look()
		if waitFor(ctx, lookEvery, f.news) != nil {
			return nil
		}
	}
}

// waitFor returns after d or at news, and with an error where the context ends first.
func waitFor(ctx context.Context, d time.Duration, news <-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	case <-news:
	}
	return nil
}

// look finds what has come, moves what is done and tells the deliveries what is ready.
func (f *Follower) look() {
	now := time.Now()
	arrivals, err := lookFor(f.config.Dir, f.config.Trusted, f.seen, now)
	if err == nil {
		f.seen = map[string]*arrival{}
		for _, a := range arrivals {
			f.seen[a.name] = a
		}
		arrivals, err = f.settle(arrivals)
	}
	gaps := f.gaps(arrivals)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tellTrouble(err)
	f.forget(arrivals)
	f.arrivals, f.ready = arrivals, f.readyOf(arrivals, gaps, now)
	f.facts.Agents = f.agents(gaps)
}

// forget drops what deliveries know of bundles that are gone.
func (f *Follower) forget(arrivals []*arrival) {
	names, hashes := map[string]bool{}, map[string]bool{}
	for _, a := range arrivals {
		names[a.name], hashes[a.hash] = true, true
	}
	for _, d := range f.deliveries {
		maps.DeleteFunc(d.sent, func(hash string, _ bool) bool { return !hashes[hash] })
		maps.DeleteFunc(d.refused, func(name string, _ refusal) bool { return !names[name] })
	}
}

// readyOf are the bundles to send: whole, and unchanged for a while, so that nobody seems to write to them. One waits for those of its agent
// that go before it, because a receiver without an out-of-order window takes them only in order; but not for ever.
func (f *Follower) readyOf(arrivals []*arrival, gaps map[string][]gap, now time.Time) (ready []*arrival) {
	blocked := map[string]bool{} // agents
	for _, a := range arrivals {
		if a.manifest == nil {
			continue
		}
		agent, age := a.manifest.Agent, now.Sub(a.since)
		gap := slices.ContainsFunc(gaps[agent], func(g gap) bool { return g.next == a.manifest })
		whole := a.why == "" && age >= lookEvery
		if whole && !blocked[agent] && (!gap || age >= gapPatience) {
			ready = append(ready, a)
		}
		if age < gapPatience && (!whole || gap || f.refusedBy(a) != "") {
			blocked[agent] = true
		}
	}
	return ready
}

// refusedBy says why a delivery could not verify a bundle as it is now.
func (f *Follower) refusedBy(a *arrival) (why string) {
	for _, d := range f.deliveries {
		if r, found := d.refused[a.name]; found && r.listing == a.listing {
			why = r.why
		}
	}
	return why
}

func (f *Follower) tellTrouble(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != f.facts.Trouble && text != "" {
		f.log.Error("cannot go on with bundles; trying again", "error", text)
	}
	f.facts.Trouble = text
}

// settle writes down what every endpoint has, moves it, and returns the others. What was taken before comes again where it is copied
// again: it is moved too.
func (f *Follower) settle(arrivals []*arrival) (left []*arrival, err error) {
	for i, a := range arrivals {
		known, sent := a.hash != "" && f.taken.has(a.hash), f.sentToAll(a.hash)
		if a.why != "" || !known && !sent {
			left = append(left, a)
			continue
		}
		if !known {
			f.taken.add(a.hash, a.manifest)
			f.stored = false
		}
		if !f.stored {
			if err := f.taken.write(filepath.Join(f.config.Dir, doneDir)); err != nil {
				return append(left, arrivals[i:]...), err
			}
			f.stored = true
		}
		if sent {
			f.mu.Lock()
			f.facts.Done++
			f.mu.Unlock()
			f.log.Info("bundle imported", "bundle", a.name, "agent", a.manifest.Agent, "number", a.manifest.Number)
		}
		if err := f.move(a); err != nil {
			return append(left, arrivals[i+1:]...), fmt.Errorf("bundle %s was sent and cannot be moved to %s: %w%s", a.name, doneDir, err, queue.Advice(err, filepath.Join(f.config.Dir, a.name)))
		}
	}
	return left, nil
}

func (f *Follower) sentToAll(hash string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.deliveries {
		if !d.sent[hash] {
			return false
		}
	}
	return hash != ""
}

// move puts a bundle beside what is done, in the place of itself where it came again; another of its name leaves it a number.
func (f *Follower) move(a *arrival) error {
	root, err := os.OpenRoot(f.config.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	to := filepath.Join(doneDir, a.name)
	for n := 2; ; n++ {
		if _, err := root.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			break
		}
		if there := (&arrival{name: to}).read(f.config.Dir, nil); there.hash == a.hash {
			if err := root.RemoveAll(to); err != nil { // it came again
				return err
			}
			break
		}
		to = filepath.Join(doneDir, fmt.Sprintf("%s.%d", a.name, n))
	}
	return errors.Join(root.Rename(a.name, to), syncDir(root))
}

// gaps are those between what was taken and what has come, by the agent.
func (f *Follower) gaps(arrivals []*arrival) map[string][]gap {
	logs := map[string][]*Manifest{}
	for agent, stretches := range f.taken.Stretches {
		logs[agent] = slices.Clone(stretches)
	}
	for _, a := range arrivals {
		if a.manifest == nil {
			continue
		}
		agent := a.manifest.Agent
		if n := len(logs[agent]); n > 0 && a.created().After(logs[agent][n-1].Created) && a.manifest.end().Compare(logs[agent][n-1].end()) < 0 {
			logs[agent] = nil // of a new log
		}
		logs[agent] = append(logs[agent], a.manifest)
	}
	found := map[string][]gap{}
	for agent, log := range logs {
		found[agent] = gaps(log)
	}
	return found
}

// agents tells how far each has come.
func (f *Follower) agents(gaps map[string][]gap) (found []AgentStats) {
	for _, agent := range slices.Sorted(maps.Keys(gaps)) {
		s := AgentStats{Agent: agent}
		for _, g := range gaps[agent] {
			s.Gaps = append(s.Gaps, g.text)
		}
		if len(f.taken.Stretches[agent]) > 0 {
			newest := f.taken.newest(agent)
			s.Number, s.Newest = newest.Number, newest.Created
		}
		found = append(found, s)
	}
	return found
}

// Stats is for any goroutine.
func (f *Follower) Stats() FollowStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.facts
	ready := map[string]bool{}
	for _, a := range f.ready {
		ready[a.name] = true
	}
	for _, a := range f.arrivals {
		w := Waiting{Name: a.name, Why: cmp.Or(a.why, f.refusedBy(a)), Since: a.since}
		w.Stuck = f.refusedBy(a) != "" || w.Why != "" && time.Since(a.since) >= gapPatience
		switch {
		case w.Why != "":
		case !ready[a.name]:
			w.Why = "it waits for a bundle that goes before it"
		default:
			w.Why = "it is being sent"
		}
		s.Waiting = append(s.Waiting, w)
	}
	for _, d := range f.deliveries {
		stats := d.stats
		if idle := time.Since(d.moved); stats.Error == "" && d.sending != "" && idle >= gapPatience {
			stats.Error = fmt.Sprintf("bundle %s has made no progress for %s: the log has the receiver's answer", d.sending, idle.Round(time.Second))
		}
		s.Endpoints = append(s.Endpoints, stats)
	}
	return s
}
