package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"regexp"
	"sync/atomic"
	"time"

	"backwire/remotewrite/window"
	"backwire/remotewrite/wire"
	"backwire/source"

	"golang.org/x/sync/errgroup"
)

// Config is one receiver and how it wants to be spoken to.
type Config struct {
	Name string
	URL  string

	Username           string // basic authentication, with one of the two below
	Password           string
	PasswordFile       string
	BearerTokenFile    string
	OAuth2             OAuth2
	Tenant             string            // X-Scope-OrgID
	Headers            map[string]string // further headers
	CAFile             string
	CertFile           string // of the client, with KeyFile
	KeyFile            string
	InsecureSkipVerify bool
	ProxyURL           string // from the environment where empty

	Protocol       string // "auto" (2.0 and, where it is not understood, 1.0), "2.0" or "1.0"
	Timeout        time.Duration
	MaxSamples     int           // a request
	MaxSampleAge   time.Duration // older samples are not sent; 0 is what the receiver takes, as measured
	Backfill       time.Duration // how late samples may be at a first start
	Behind         time.Duration // what is older goes after the newest, where the receiver takes samples as late; 0 is never
	Concurrency    int           // requests at a time
	Natives        bool          // native histograms are sent beside the classic ones, where the receiver takes them
	ExternalLabels []source.Label
	Keep, Drop     *regexp.Regexp // by a metric's name: only those, and not those; nil is no matter
	UserAgent      string

	Instance string // the canary's and the check's label; the host's name where empty

	// Repeats says that the receiver may have everything already, as where a bundle is imported twice.
	Repeats bool

	// ParkedDir is where samples are kept on which the receiver fails for now; in memory alone where empty.
	ParkedDir string

	// Transport replaces the one made of the fields above, in tests. May be nil.
	Transport http.RoundTripper

	// Dial replaces the network below the transport, in tests. May be nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (c Config) withDefaults() Config {
	if c.Protocol == "" {
		c.Protocol = "auto"
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxSamples == 0 {
		c.MaxSamples = 20_000
	}
	if c.Concurrency == 0 {
		c.Concurrency = 1
	}
	if c.UserAgent == "" {
		c.UserAgent = "backwire"
	}
	return c
}

func (c Config) protocols() (first wire.Protocol, fallback bool, err error) {
	switch c.Protocol {
	case "auto":
		return wire.V2, true, nil
	case "2.0":
		return wire.V2, false, nil
	case "1.0":
		return wire.V1, false, nil
	}
	return 0, false, fmt.Errorf("protocol %q: expected auto, 2.0 or 1.0", c.Protocol)
}

// leastSamples is what a window holds where there is so much: enough for every shard, and for a place to be kept seldom.
func (e *Endpoint) leastSamples() int { return max(50_000, e.config.MaxSamples*e.config.Concurrency) }

// feed is where an endpoint gets its samples from and keeps its place.
type feed interface {
	// fill reads on, at least about so many samples where they are there. io.EOF says that there is nothing yet.
	Fill(w *window.Window, least int) error
	// advance keeps the place for good: behind a window, or with a note within it. The note may be forgotten.
	Advance(w *window.Window, note []byte) error
	// wait returns when there may be something to read.
	Wait(ctx context.Context) error
}

// Endpoint delivers what the queue holds to one receiver. It is one goroutine, Run, and it delays nobody else.
type Endpoint struct {
	config   Config
	feed     feed
	client   *client
	log      *slog.Logger
	rejected Rejected

	recorder *Recorder
	canary   *canary
	met      bool // the receiver took the canary; owned by Run
	lateness lateness
	natives  natives
	parking  *parking
	sizing   *sizing
	wakeup   *wakeup
	fallback bool          // 1.0 may be spoken where 2.0 is not understood
	speaks   atomic.Uint32 // a protocol: kept until the next start
	window   window.Window // of the newest; owned by Run
	past     past
	selected selection // owned by Run
	shards   []*shard  // one for each request at a time
}

// NewEndpoint returns an endpoint that reads from a feed. What the receiver refuses goes to rejected, which may be nil.
func NewEndpoint(c Config, from feed, rejected Rejected, log *slog.Logger) (*Endpoint, error) {
	c = c.withDefaults()
	first, fallback, err := c.protocols()
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", c.Name, err)
	}
	cl, err := newClient(c)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", c.Name, err)
	}
	log = log.With("endpoint", c.Name)
	parking, err := newParking(c, log)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", c.Name, err)
	}
	e := &Endpoint{
		config: c, feed: from, client: cl, log: log, rejected: rejected, canary: newCanary(c, cl), parking: parking,
		recorder: NewRecorder(c.Name, log), sizing: newSizing(c.MaxSamples), wakeup: newWakeup(), fallback: fallback,
		selected: selection{keep: c.Keep, drop: c.Drop}, window: window.Window{Depth: window.Depth},
	}
	e.past.feed, _ = from.(lanes)
	e.natives.wanted = c.Natives
	e.speak(first)
	e.recorder.parked(parking.samples())
	for range c.Concurrency {
		e.shards = append(e.shards, newShard(e))
	}
	return e, nil
}

// Stats is what the endpoint has done so far.
func (e *Endpoint) Stats() Stats { return e.recorder.Snapshot() }

// Wake ends a pause: what it was for may have been put right.
func (e *Endpoint) Wake() {
	e.natives.ask.Store(0)
	e.wakeup.ring()
}

// Run delivers until the context ends. A request that is under way then may still finish, and what the
// queue holds is sent on, within the time given for it; nothing is waited for any more. It returns nil when the
// context has ended, and never otherwise.
func (e *Endpoint) Run(ctx context.Context, flush time.Duration) error {
	defer func() { _ = e.parking.close() }() // what is in it is synced
	hard, cancel := outlive(ctx, flush)
	defer cancel()
	l := life{soft: ctx, hard: hard}
	for {
		last := l.over() // what was committed before the end is sent after it
		err := e.drain(l)
		if last || errors.Is(err, errStopped) {
			return nil
		}
		if err == nil {
			err = e.await(ctx)
		}
		if err != nil && !l.over() { // of the queue, the one thing that is not settled inside
			e.recorder.Failed("the queue cannot be read", err.Error(), slog.LevelError)
			_ = e.wakeup.sleep(ctx, queueRetry)
		}
	}
}

// await returns when there may be something to send, new or parked.
func (e *Endpoint) await(ctx context.Context) error {
	_, next := e.parking.due(time.Now())
	if next.IsZero() {
		return e.feed.Wait(ctx)
	}
	until, cancel := context.WithDeadline(ctx, next)
	defer cancel()
	if err := e.feed.Wait(until); err != nil && until.Err() == nil || ctx.Err() != nil {
		return err
	}
	return nil
}

// queueRetry is when a queue that could not be read is read again.
const queueRetry = time.Second

// life is how long an endpoint goes on: requests may be under way until the hard end, but
// nothing is waited for after the soft one.
type life struct{ soft, hard context.Context }

func (l life) over() bool { return l.soft.Err() != nil }

// outlive returns a context that ends some time after ctx.
func outlive(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(by)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-hard.Done():
		}
	})
	return hard, func() { stop(); cancel() }
}

// drain delivers window after window until there is nothing left or life is over.
func (e *Endpoint) drain(l life) error {
	for windows := 0; ; windows++ {
		if err := e.sendParked(l); err != nil {
			return err
		}
		w, err := e.next()
		switch {
		case errors.Is(err, io.EOF):
			e.recorder.caughtUp()
			return nil
		case err != nil:
			return err
		}
		e.recorder.catchingUp(windows > 0 || e.past.open)
		done, err := e.deliver(l, w)
		if err != nil {
			return err
		}
		if !done {
			continue
		}
		if err := e.feed.Advance(w, nil); err != nil {
			// What was delivered is sent once more after a restart, and nothing is lost.
			e.log.Error("the position of the endpoint cannot be stored", "error", err)
		}
		if err := e.fallBehind(l, w); err != nil {
			return err
		}
	}
}

// deliverAll returns when everything in a window has its final verdict, or errYield. One slice of time goes after the other, so that
// samples go forward in time across series too.
func (e *Endpoint) deliverAll(l life, full *window.Window) error {
	if len(full.Columns) == 0 {
		return nil
	}
	if !e.met {
		if _, err := e.shards[0].meet(l); err != nil {
			return err
		}
		e.met = true
		e.lateness.start = true
	}
	e.latenessOf(l, full)
	e.nativesOf(l)
	w, ends, noted := e.sliced(full)
	from := 0
	for _, to := range ends {
		spans := e.dealt(w, w.Whole().Within(from, to), noted)
		rest := newProgress(e.feed, w, spans, w.Whole().Within(to, len(w.Columns)))
		if err := e.deliverSlice(l, rest); err != nil {
			rest.keep(full, err)
			return err
		}
		from = to
	}
	return nil
}

// sliced is a window in slices of time, and what was noted as left of it. An earlier run may have sliced it otherwise. Where the receiver may
// have everything already, which is told by the last point of each series, it is not cut by time.
func (e *Endpoint) sliced(w *window.Window) (out *window.Window, ends []int, noted []window.Span) {
	if e.config.Repeats {
		out, ends = w.Sliced(math.MaxInt64)
		return out, ends, nil
	}
	if w.Note != nil {
		for _, most := range []time.Duration{window.MaxSpan, wideSpan, math.MaxInt64} {
			if out, ends = w.Sliced(most); out.ParseNote(w.Note) != nil {
				return out, ends, out.ParseNote(w.Note)
			}
		}
	}
	out, ends = w.Sliced(e.lateness.span(w, time.Now()))
	return out, ends, nil
}

// deliverSlice deals the series of a slice out to the shards. What comes next waits for all of them, so that a
// series' points are never overtaken.
func (e *Endpoint) deliverSlice(l life, rest *progress) error {
	spans := rest.spans
	e.recorder.opened(rest.samples())
	switch len(spans) {
	case 0:
		return nil
	case 1:
		return e.shards[0].deliver(l, rest, 0)
	}
	var g errgroup.Group
	for i, s := range e.shards {
		g.Go(func() (err error) {
			for k := i; k < len(spans) && err == nil; k += len(e.shards) {
				err = s.deliver(l, rest, k)
			}
			return err
		})
	}
	return g.Wait()
}

// dealt are the spans of a slice for the shards: what was noted as left of it, or else all, cut between series.
func (e *Endpoint) dealt(w *window.Window, slice window.Span, noted []window.Span) (spans []window.Span) {
	if noted == nil {
		return deal(w, slice, min(len(e.shards), 1+slice.Count(w)/e.config.MaxSamples))
	}
	for _, sp := range noted {
		if sp = sp.Within(slice.From.Column, slice.To.Column); !sp.Empty() {
			spans = append(spans, sp)
		}
	}
	return spans
}

// deal cuts a span of whole columns between series into at most n spans of about as many samples.
func deal(w *window.Window, all window.Span, n int) []window.Span {
	spans := make([]window.Span, 0, n)
	from, to, most := all.From.Column, all.To.Column, all.Count(w)
	samples := 0
	for i := from; i < to; i++ {
		samples += w.Columns[i].Len()
		if samples*n >= most*(len(spans)+1) && len(spans) < n-1 {
			spans = append(spans, window.Span{From: window.Place{Column: from}, To: window.Place{Column: i + 1}})
			from = i + 1
		}
	}
	if from < to {
		spans = append(spans, window.Span{From: window.Place{Column: from}, To: window.Place{Column: to}})
	}
	return spans
}

func (e *Endpoint) protocol() wire.Protocol { return wire.Protocol(e.speaks.Load()) }

func (e *Endpoint) speak(p wire.Protocol) {
	e.speaks.Store(uint32(p))
	if p == wire.V1 {
		e.natives.ask.Store(0) // that carries none
	}
	e.recorder.speaks(p)
}
