package receiver

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Support is what a receiver does with a 2.0 request.
type Support int

// Accept is the default; the others are receivers that know only 1.0.
const (
	Accept  Support = iota
	Refuse          // 415, as the specification wants it
	Swallow         // 204 without storing anything or saying so, as VictoriaMetrics and Thanos do
)

// Lie is a way in which X-Prometheus-Remote-Write-Samples-Written is wrong.
type Lie string

// The ways. Mimir counts what it received: pkg/distributor counts in its metrics middleware before validation
// (captured: 1,759,673 counted, 137 stored). The others are what a header may hold.
const (
	CountTrue     Lie = ""
	CountReceived Lie = "received"
	CountGarbage  Lie = "garbage"
	CountNegative Lie = "negative"
	CountHuge     Lie = "huge"
	CountTwice    Lie = "twice"
	CountNone     Lie = "none"
)

// apply replaces the count.
func (l Lie) apply(h http.Header, received int) {
	const name = "X-Prometheus-Remote-Write-Samples-Written"
	switch l {
	case CountReceived:
		h.Set(name, strconv.Itoa(received))
	case CountGarbage:
		h.Set(name, "all of them")
	case CountNegative:
		h.Set(name, "-1")
	case CountHuge:
		h.Set(name, "99999999999999999999")
	case CountTwice:
		h.Add(name, strconv.Itoa(received+1))
	case CountNone:
		h.Del(name)
	}
}

// Options are the ways a receiver may differ. All fields may be left zero.
type Options struct {
	V2 Support

	// Ordered refuses a point that is older than the newest stored one of its series, as a time
	// series database without an out-of-order window does. The same point twice is no error.
	Ordered bool

	// Head refuses a point that is so much older than the newest point of all series, as a head of Prometheus's database does that
	// has no out-of-order window: half of its block of two hours (tsdb/head.go, appendableMinValidTime). 0 is no limit.
	Head time.Duration
	// OutOfOrder takes points that are not older than the newest of all series by more than this, in any order
	// (out_of_order_time_window; tsdb/head_append.go, appendable).
	OutOfOrder time.Duration
	// TooOldStatus is what a point is answered with that is older than these allow; 0 is as for others. Prometheus up to 2.49 answers
	// 500 "too old sample" where it has an out-of-order window (captured).
	TooOldStatus int

	// Whole stores nothing of a request that is refused in part, as Prometheus does for 1.0.
	Whole bool

	// V2Status is what Refuse answers; 0 is 415.
	V2Status int
	// Poison refuses a point although it is valid; the rest of its request is stored.
	Poison func(s *Series, p Point) error
	// PoisonStatus is what a refused point is answered with; 0 is 400. Thanos Receive has 409 for conflicts (captured).
	PoisonStatus int
	// Fail answers 500 to a request with such a point. The rest is stored, but with Whole; Prometheus up to 2.49 does so with
	// Whole for "too old sample" where it has an out-of-order window (captured), and a Mimir for series of ingesters
	// that are down.
	Fail func(s *Series, p Point) error
	// Always2xx stores what is valid and never says by its status that something was not.
	Always2xx bool
	// Lie is how the count of 2.0 is wrong.
	Lie Lie

	// NoNatives is what a native histogram is refused with, while the rest of its request is stored; 0 takes them. Prometheus before 3.8
	// with the feature off answers 500 (storage.ErrNativeHistogramsDisabled is none of the handler's client errors).
	NoNatives int
	// NativesOf is which series NoNatives is about; nil is all.
	NativesOf func(s *Series) bool

	// MaxBody refuses a longer body with 413; 0 is no limit.
	MaxBody int
	// TooLargeStatus is what a longer body is answered with; 0 is 413. Mimir answers 400 (captured).
	TooLargeStatus int
	// Burst answers 429 to a request of more samples, for ever: Mimir's ingestion burst size ("burst size limit, set to 5000, with
	// 20089 items", captured). 0 is no limit.
	Burst int
}

// Request is what is remembered of one request.
type Request struct {
	Time    time.Time
	Version Version // empty where the headers were wrong
	Header  http.Header
	Bytes   int // of the body, as received
	Series  int
	Samples int // sent, not stored
	Status  int // 0 where the connection was dropped
	Reason  string
}

// Receiver is an http.Handler that stores what it is sent.
type Receiver struct {
	mu       sync.Mutex
	options  Options
	store    store
	script   []Answer
	always   *Answer
	requests []Request
	refusals []Refusal
}

// Refusal is one point that was refused for itself, in whatever request it came.
type Refusal struct {
	Series string // its key
	Point  Point
	Held   bool // the receiver has this very point: it came twice
	Reason string
	Time   time.Time // when it came
}

// New returns an empty receiver.
func New(o Options) *Receiver {
	return &Receiver{options: o, store: newStore()}
}

// Set changes the options for the requests that come from now on.
func (r *Receiver) Set(o Options) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options = o
}

// Series is a copy of all stored series, sorted by key.
func (r *Receiver) Series() []Series {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.store.snapshot()
}

// Select is Series of one metric name whose labels have all these values.
func (r *Receiver) Select(name string, match ...Label) []Series {
	return slices.DeleteFunc(r.Series(), func(s Series) bool {
		if s.Name() != name {
			return true
		}
		return slices.ContainsFunc(match, func(l Label) bool { return s.Label(l.Name) != l.Value })
	})
}

// Family is the metadata that 1.0 sent of a metric family.
func (r *Receiver) Family(name string) (Metadata, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	md, ok := r.store.families[name]
	return md, ok
}

// Requests is a copy of all requests so far.
func (r *Receiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Refusals is a copy of all refused points so far.
func (r *Receiver) Refusals() []Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.refusals)
}

// ServeHTTP answers one request.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	seen := Request{Time: time.Now(), Header: req.Header.Clone()}
	answer := r.next()
	if answer != nil && answer.Drop == DropMidBody {
		r.remember(seen)
		dropMidBody(req)
	}
	body, err := io.ReadAll(req.Body)
	seen.Bytes = len(body)
	if err != nil {
		r.remember(seen)
		return // the sender is gone
	}
	answer.wait(req.Context())
	out := r.answer(answer, req, body, &seen)
	r.remember(seen)
	if answer != nil && answer.Drop == DropAnswer {
		drop()
	}
	out.write(w)
}

func (r *Receiver) remember(seen Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, seen)
}

// answer decides on a request that was read in full.
func (r *Receiver) answer(scripted *Answer, req *http.Request, body []byte, seen *Request) *reply {
	if scripted != nil && scripted.Status != 0 && !scripted.Store {
		seen.Version, _ = checkHeaders(req)
		seen.Status = scripted.Status
		return scripted.reply()
	}
	out := r.accept(req, body, seen)
	if scripted != nil && scripted.Status != 0 {
		out = scripted.reply()
	}
	seen.Status, seen.Reason = out.status, out.body
	if scripted != nil && scripted.Drop == DropAnswer {
		seen.Status = 0
	}
	return out
}

// accept stores what is valid of a request.
func (r *Receiver) accept(req *http.Request, body []byte, seen *Request) *reply {
	v, err := checkHeaders(req)
	if err != nil {
		return replyTo(err)
	}
	seen.Version = v
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.options.MaxBody > 0 && len(body) > r.options.MaxBody:
		return replyTo(refuse(cmp.Or(r.options.TooLargeStatus, http.StatusRequestEntityTooLarge), "body of %d bytes, at most %d", len(body), r.options.MaxBody))
	case v == V2 && r.options.V2 == Refuse:
		return replyTo(refuse(cmp.Or(r.options.V2Status, http.StatusUnsupportedMediaType), "only Remote-Write 1.0 is understood"))
	case v == V2 && r.options.V2 == Swallow:
		return &reply{status: http.StatusNoContent}
	}
	raw, err := decompress(body)
	if err != nil {
		return replyTo(err)
	}
	m, err := decode(v, raw)
	if err != nil {
		return replyTo(err)
	}
	seen.count(m)
	if r.options.Burst > 0 && seen.Samples > r.options.Burst {
		return replyTo(refuse(http.StatusTooManyRequests, "burst size limit, set to %d, with %d items", r.options.Burst, seen.Samples))
	}
	return r.take(v, m)
}

func (q *Request) count(m message) {
	q.Series = len(m.series)
	for _, s := range m.series {
		q.Samples += len(s.Points)
	}
}

// take checks a message and stores its valid parts.
func (r *Receiver) take(v Version, m message) *reply {
	problems := m.problems
	fresh := newStore() // what this request adds, so that a refused one can be left out whole
	for i := range m.series {
		problems = append(problems, r.sift(v, &m.series[i], fresh)...)
	}
	for _, f := range m.families {
		problems = append(problems, sifted(f, fresh)...)
	}
	if len(problems) > 0 && r.options.Whole {
		fresh = newStore()
	}
	out := &reply{status: http.StatusNoContent}
	if len(problems) > 0 && !r.options.Always2xx {
		out = &reply{status: r.statusOf(problems), body: text(problems)}
	}
	if v == V2 {
		out.header = written(fresh)
		r.options.Lie.apply(out.header, received(m))
	}
	r.commit(fresh)
	return out
}

func received(m message) (n int) {
	for i := range m.series {
		n += len(m.series[i].Points)
	}
	return n
}

// errFails is a point that the receiver fails on.
var errFails = errors.New("internal error")

func (r *Receiver) statusOf(problems []error) int {
	for _, err := range problems {
		if e, ok := errors.AsType[*statusError](err); ok {
			return e.status
		}
	}
	if r.options.TooOldStatus != 0 && slices.ContainsFunc(problems, func(err error) bool { return errors.Is(err, errTooOld) }) {
		return r.options.TooOldStatus
	}
	if slices.ContainsFunc(problems, func(err error) bool { return errors.Is(err, errFails) }) {
		return http.StatusInternalServerError
	}
	return cmp.Or(r.options.PoisonStatus, http.StatusBadRequest)
}

// sift puts the valid part of one series into fresh and says what is wrong with the rest.
func (r *Receiver) sift(v Version, s *Series, fresh store) []error {
	key := s.Key()
	if err := checkSeries(v, s); err != nil {
		return []error{fmt.Errorf("%s: %w", key, err)}
	}
	var problems []error
	good := *s
	good.Points = nil
	for _, p := range s.Points {
		if err := r.checkPoint(key, s, p, good, fresh); err != nil {
			r.refusals = append(r.refusals, Refusal{key, p, r.store.holds(key, p), err.Error(), time.Now()})
			problems = append(problems, fmt.Errorf("%s: %w", key, err))
			continue
		}
		good.Points = append(good.Points, p)
	}
	if len(s.Histograms) > 0 && r.options.NoNatives != 0 && (r.options.NativesOf == nil || r.options.NativesOf(s)) {
		return append(problems, refuse(r.options.NoNatives, "%s: native histograms are disabled", key))
	}
	good.Histograms = nil
	for _, h := range s.Histograms {
		if err := r.checkHistogram(key, &h, good, fresh); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", key, err))
			continue
		}
		good.Histograms = append(good.Histograms, h)
	}
	if len(good.Points) > 0 || len(good.Histograms) > 0 {
		fresh.add(key, good)
	}
	return problems
}

func (r *Receiver) checkPoint(key string, s *Series, p Point, good Series, fresh store) error {
	if last, ok := fresh.last(key); ok && p.T <= last.T {
		return fmt.Errorf("sample at %d comes after the one at %d of the same request", p.T, last.T)
	}
	last, had := r.before(key, good, fresh)
	if err := r.options.checkAge(last, had, p, r.store.newest); err != nil {
		return err
	}
	if r.options.Fail != nil {
		if err := r.options.Fail(s, p); err != nil {
			return fmt.Errorf("%w: %w", errFails, err)
		}
	}
	if r.options.Poison != nil {
		return r.options.Poison(s, p)
	}
	return nil
}

// checkHistogram holds a histogram to the order and the window, as samples are: Prometheus does too (tsdb/head_append.go, appendableHistogram).
func (r *Receiver) checkHistogram(key string, h *Histogram, good Series, fresh store) error {
	var last Point
	had := false
	for _, s := range []*Series{r.store.series[key], fresh.series[key], &good} {
		if s != nil && len(s.Histograms) > 0 {
			last, had = s.Histograms[len(s.Histograms)-1].point(), true
		}
	}
	return r.options.checkAge(last, had, h.point(), r.store.newest)
}

// before is the point that the next one of a series follows, in its request or in what is stored.
func (r *Receiver) before(key string, good Series, fresh store) (Point, bool) {
	if n := len(good.Points); n > 0 {
		return good.Points[n-1], true
	}
	if last, ok := fresh.last(key); ok {
		return last, true
	}
	return r.store.last(key)
}

func sifted(f Metadata, fresh store) []error {
	_, twice := fresh.families[f.Family]
	switch {
	case f.Family == "":
		return []error{errors.New("metadata without a family")}
	case twice:
		return []error{fmt.Errorf("metadata of %s is there twice", f.Family)}
	case strings.HasPrefix(f.Type, "invalid"):
		return []error{fmt.Errorf("metadata of %s: %s", f.Family, f.Type)}
	}
	fresh.families[f.Family] = f
	return nil
}

// commit adds what a request brought. A point that is stored already, the last one again, is left out.
func (r *Receiver) commit(fresh store) {
	for key, s := range fresh.series {
		if last, ok := r.store.last(key); ok && r.options.Ordered && len(s.Points) > 0 && s.Points[0].T == last.T {
			s.Points = s.Points[1:]
		}
		r.store.add(key, *s)
		if r.options.OutOfOrder > 0 {
			r.store.series[key].sort()
		}
	}
	maps.Copy(r.store.families, fresh.families)
}

// written are the headers by which 2.0 confirms.
func written(st store) http.Header {
	var samples, histograms, exemplars int
	for _, s := range st.series {
		samples += len(s.Points)
		histograms += len(s.Histograms)
		exemplars += len(s.Exemplars)
	}
	h := http.Header{}
	h.Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(samples))
	h.Set("X-Prometheus-Remote-Write-Histograms-Written", strconv.Itoa(histograms))
	h.Set("X-Prometheus-Remote-Write-Exemplars-Written", strconv.Itoa(exemplars))
	return h
}

// text is the body of a refusal: the first ten problems.
func text(problems []error) string {
	more := ""
	if n := len(problems) - 10; n > 0 {
		problems, more = problems[:10], fmt.Sprintf("\nand %d more", n)
	}
	return errors.Join(problems...).Error() + more
}
