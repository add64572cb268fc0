package send

import (
	"context"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"time"

	"backwire/remotewrite/wire"
)

// Stats is what an endpoint has done since it started.
type Stats struct {
	Endpoint  string
	Samples   uint64            // delivered
	Exemplars uint64            // delivered
	Retried   uint64            // samples sent again, each time counted
	Bytes     uint64            // of request bodies as they were sent, those of retries included
	Rejected  map[string]uint64 // samples refused for good, by status code
	Dropped   map[string]uint64 // samples not sent, by reason
	Filtered  uint64            // samples not sent because their metrics are not wanted
	Requests  map[string]uint64 // by status code, "error" where the connection failed
	Parked    int               // samples set aside, on which the receiver fails for now
	Pending   int               // samples read from the log and without a final verdict

	Natives       string // what is known of native histograms; empty where they are not wanted, or the receiver was not asked yet
	NativePoints  uint64 // of native histograms that the receiver took; they are no samples
	NativeRefused uint64 // and that it did not take: they are not sent again

	Window      time.Duration // how late a sample may be, at least, as measured; 0 is not known
	TooLate     time.Duration // how late it may not be; 0 is not known
	HighestSent int64         // newest time of a delivered sample, ms since the epoch; 0 before the first
	Protocol    string        // "2.0" or "1.0"; "bundle" where a directory is written to
	State       State
	Paused      string // why nothing is sent until somebody acts; empty where it is
	LastError   string // empty after a success
	Failures    int    // requests that failed in a row
	Expires     int64  // when the first certificate of the receiver's chain ends, ms since the epoch; 0 where none was seen

	Durations Durations // of requests
}

// State is what an endpoint is about.
type State string

// The states.
const (
	StateSending    State = "sending"     // what there was is delivered
	StateCatchingUp State = "catching_up" // more is there than one request's worth
	StateWaiting    State = "waiting"     // for a receiver that fails, is busy, does not answer, or was not asked yet
	StatePaused     State = "paused"      // until the address or the credentials are put right
	StateRefusing   State = "refusing"    // the receiver refuses everything, the canary too
)

// States are all of them.
func States() []State {
	return []State{StateSending, StateCatchingUp, StateWaiting, StatePaused, StateRefusing}
}

// durationBounds are upper bounds in seconds.
var durationBounds = [...]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

// Durations is a histogram of seconds.
type Durations struct {
	Count   uint64
	Sum     float64
	Buckets [len(durationBounds)]uint64 // by upper bound, cumulative
}

// ByBound are the buckets by their upper bounds, in seconds.
func (d *Durations) ByBound() map[float64]uint64 {
	buckets := make(map[float64]uint64, len(durationBounds))
	for i, bound := range durationBounds {
		buckets[bound] = d.Buckets[i]
	}
	return buckets
}

// Observe counts one request.
func (d *Durations) Observe(took time.Duration) {
	s := took.Seconds()
	d.Count++
	d.Sum += s
	for i := len(durationBounds) - 1; i >= 0 && s <= durationBounds[i]; i-- {
		d.Buckets[i]++
	}
}

// Recorder keeps an endpoint's stats and says in the log what changed. It is told of requests, never of single
// samples, and shared by an endpoint's shards.
type Recorder struct {
	log *slog.Logger

	mu      sync.Mutex
	stats   Stats
	waiting int                  // samples of a window that something newer goes before
	behind  bool                 // more than one window was there
	failing string               // the kind of the failures at hand
	since   time.Time            // of the first of them
	told    map[string]time.Time // when the log heard of a refusal, by status
}

// NewRecorder keeps the stats of an endpoint that has done nothing yet.
func NewRecorder(name string, log *slog.Logger) *Recorder {
	return &Recorder{log: log, told: map[string]time.Time{}, stats: Stats{
		Endpoint: name, State: StateWaiting,
		Rejected: map[string]uint64{}, Dropped: map[string]uint64{}, Requests: map[string]uint64{},
	}}
}

// Snapshot is a copy that nobody changes.
func (r *Recorder) Snapshot() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Pending += r.waiting
	s.Rejected, s.Dropped, s.Requests = maps.Clone(s.Rejected), maps.Clone(s.Dropped), maps.Clone(s.Requests)
	return s
}

// opened says how much of a window is to be sent.
func (r *Recorder) opened(samples int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Pending = samples
}

// held says how much of a window waits for something newer.
func (r *Recorder) held(samples int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = samples
	if samples > 0 {
		r.stats.Pending = 0
	}
}

// Exports says that bundles take the place of requests.
func (r *Recorder) Exports() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Protocol = "bundle"
}

// Exported counts what a bundle has, up to its newest time.
func (r *Recorder) Exported(samples uint64, newest int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Samples += samples
	r.stats.HighestSent = max(r.stats.HighestSent, newest)
	r.recovered()
}

func (r *Recorder) caughtUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Pending = 0
	r.behind = false
	if r.stats.State == StateCatchingUp {
		r.stats.State = StateSending
	}
}

// catchingUp says whether this is not the first window since there was nothing left.
func (r *Recorder) catchingUp(behind bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behind = behind
	if behind && r.stats.State == StateSending {
		r.stats.State = StateCatchingUp
	}
}

// parked says how many samples are set aside.
func (r *Recorder) parked(samples int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Parked = samples
}

// takesLate says how late the receiver takes samples, and how late not.
func (r *Recorder) takesLate(taken, refused time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Window, r.stats.TooLate = taken, refused
}

// takesNatives says what is known of native histograms.
func (r *Recorder) takesNatives(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Natives = what
}

// natives counts points of native histograms.
func (r *Recorder) natives(points int, taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if taken {
		r.stats.NativePoints += uint64(points)
	} else {
		r.stats.NativeRefused += uint64(points)
	}
}

func (r *Recorder) speaks(p wire.Protocol) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Protocol = p.String()
}

// answered counts a request, whatever its verdict.
func (r *Recorder) answered(q wire.Request, a answer, attempt int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	code := "error"
	if a.status != 0 {
		code = strconv.Itoa(a.status)
	}
	r.stats.Requests[code]++
	r.stats.Bytes += uint64(len(q.Body))
	r.stats.Durations.Observe(a.took)
	if !a.expires.IsZero() {
		r.stats.Expires = a.expires.UnixMilli()
	}
	if attempt > 0 {
		r.stats.Retried += uint64(q.Samples)
	}
}

// delivered counts what the receiver has now, and says so where it had failed before.
func (r *Recorder) delivered(q wire.Request, counted bool) {
	r.mu.Lock()
	if !counted {
		r.stats.Samples += uint64(q.Samples)
		r.stats.Exemplars += uint64(q.Exemplars)
	}
	r.stats.HighestSent = max(r.stats.HighestSent, q.Newest)
	r.mu.Unlock()
	r.taken()
}

// taken says that the receiver takes samples, and that it did not before.
func (r *Recorder) taken() {
	r.mu.Lock()
	failures, since := r.stats.Failures, r.since
	r.recovered()
	r.mu.Unlock()
	if failures > 0 {
		r.log.Info("endpoint accepts samples again", "failures", failures, "after", time.Since(since).Round(time.Millisecond))
	}
}

// recovered forgets failures; the lock is held.
func (r *Recorder) recovered() {
	r.stats.Failures, r.stats.LastError, r.stats.Paused, r.failing = 0, "", "", ""
	r.stats.State = StateSending
	if r.behind {
		r.stats.State = StateCatchingUp
	}
}

// stored counts what the receiver has of a request that it refused in part.
func (r *Recorder) stored(samples int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Samples += uint64(samples)
}

// done counts what is settled of a window.
func (r *Recorder) done(samples int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Pending = max(r.stats.Pending-samples, 0)
}

// Why samples were not sent, beside what the queue gives up.
const (
	reasonTooOld            = "too_old"              // than the endpoint's setting allows
	reasonTooOldForReceiver = "too_old_for_receiver" // than the receiver takes, as measured
	reasonRepeated          = "repeated"             // the receiver had them already
)

// dropped counts samples that are not sent, or not again.
func (r *Recorder) dropped(samples int, reason string) {
	if samples == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Dropped[reason] += uint64(samples)
}

// filtered counts samples that nobody wants there.
func (r *Recorder) filtered(samples int) {
	if samples == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Filtered += uint64(samples)
}

// refused counts samples that will not be sent again, and says whether the log should hear of it: a series that is
// refused is refused every cycle.
func (r *Recorder) refused(samples int, reason string) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Rejected[reason] += uint64(samples)
	return r.newsLocked(reason)
}

// news says whether the log should hear of something that may come again with every cycle.
func (r *Recorder) news(reason string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newsLocked(reason)
}

func (r *Recorder) newsLocked(reason string) bool {
	if last, ok := r.told[reason]; ok && time.Since(last) < refusalNews {
		return false
	}
	r.told[reason] = time.Now()
	return true
}

// refusalNews is how often the log hears of refusals with one status.
const refusalNews = 10 * time.Minute

// Failed notes a failure. The log has the first of its kind; the others are only counted.
func (r *Recorder) Failed(kind, why string, level slog.Level, args ...any) {
	r.mu.Lock()
	if r.stats.Failures == 0 {
		r.since = time.Now()
	}
	r.stats.Failures++
	r.stats.LastError = why
	if r.stats.Paused == "" {
		r.stats.State = StateWaiting
	}
	again := r.failing == kind
	r.failing = kind
	r.mu.Unlock()
	if !again {
		r.log.Log(context.Background(), level, "endpoint does not accept samples: "+kind, append(args, "error", why)...)
	}
}

func (r *Recorder) paused(state State, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.State, r.stats.Paused = state, why
}
