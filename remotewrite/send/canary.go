package send

import (
	"context"
	"math"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/remotewrite/wire"
	"backwire/source"

	"golang.org/x/sync/semaphore"
)

// canaryMetric is a sample that must be right: value 1, now, with labels that no receiver objects to. Where an
// answer can mean two things, the canary asks which. It is the first thing that an endpoint sends, so that a limit on
// series cannot hit it first.
const canaryMetric = "backwire_canary"

// question is what an answer leaves open.
type question uint8

const (
	aboutRequest  question = iota // 400, 409, 422, 413 to one sample, 2xx with too low a count: the samples, or the receiver?
	aboutFailure                  // the same 5xx to the same request, three times over at least a minute
	aboutProtocol                 // 2.0 was not understood: 400, 406, 415 to the first request, or a silent 2xx
)

// conclusion is what the canary's answer tells.
type conclusion uint8

const (
	badSamples    conclusion = iota // the request holds something bad: bisect it
	badForNow                       // something in it is not taken: bisect it, and set aside what is refused by itself
	speaksOlder                     // the receiver speaks 1.0
	wrongReceiver                   // a proxy, a path, TLS: pause, keep everything, say it
	outage                          // keep and wait
)

// conclude is the table of the canary. A question about the protocol is asked in 1.0.
func conclude(q question, taken bool) conclusion {
	switch {
	case q == aboutRequest && taken:
		return badSamples
	case q == aboutFailure && taken:
		return badForNow
	case q == aboutProtocol && taken:
		return speaksOlder
	case q == aboutFailure:
		return outage
	}
	return wrongReceiver
}

// canary asks one receiver. Its methods are for any goroutine.
type canary struct {
	config   Config
	client   *client
	instance string
	newest   atomic.Int64        // time of the newest that was taken, ms since the epoch
	turn     *semaphore.Weighted // 1
}

func newCanary(c Config, cl *client) *canary {
	instance := c.Instance
	if instance == "" {
		instance, _ = os.Hostname() // empty where there is none, which makes no label
	}
	return &canary{config: c, client: cl, instance: instance, turn: semaphore.NewWeighted(1)}
}

// ask sends the canary, which is not older than the last one even where the clock was set back: a database without an out-of-order
// window would refuse it. So one is asked after the other: of two on their way the older might come last.
func (c *canary) ask(ctx context.Context, p wire.Protocol) (wire.Request, answer) {
	if c.turn.Acquire(ctx, 1) == nil { // or the request fails for the same reason
		defer c.turn.Release(1)
	}
	at := max(time.Now().UnixMilli(), c.newest.Load())
	r, a := c.send(ctx, p, at)
	if judge(a, false) == delivered {
		c.newest.Store(at)
	}
	return r, a
}

// askLate asks whether the receiver takes a sample of a time from a series that it does not have. The label makes it such a
// series: of a series that it has, a database without an out-of-order window takes nothing older.
func (c *canary) askLate(ctx context.Context, p wire.Protocol, at int64) (wire.Request, answer) {
	return c.send(ctx, p, at, source.Label{Name: "late", Value: time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z")})
}

func (c *canary) send(ctx context.Context, p wire.Protocol, at int64, more ...source.Label) (wire.Request, answer) {
	labels := append([]source.Label{{Name: "endpoint", Value: c.config.Name}, {Name: "instance", Value: c.instance}}, more...)
	w := oneSample(&source.Metric{
		Name: canaryMetric, Type: source.Gauge, Help: "Test sample that every receiver must accept. The answer shows what the receiver's other answers mean.",
	}, labels, window.Point{T: at, V: 1})
	return sendOnce(ctx, c.client, c.config.ExternalLabels, p, w)
}

// sendOnce sends a window of one sample. The body is used for nothing else, since a transport may read it for longer.
func sendOnce(ctx context.Context, to *client, external []source.Label, p wire.Protocol, w *window.Window) (wire.Request, answer) {
	r := wire.NewEncoder(external).Encode(p, w, window.Span{To: window.Place{Column: 1}}, math.MinInt64, wire.Limits{Samples: 1, Series: 1, Bytes: 1 << 20})
	a, _ := to.post(ctx, p, r.Body, 0)
	a.sent = r.Samples
	return r, a
}

// oneSample is a window of one series with one point.
func oneSample(m *source.Metric, labels []source.Label, p window.Point) *window.Window {
	s := source.NewSeries(m, "", 0, labels...)
	return window.Of(record.Define(s), []window.Series{{Points: []window.Point{p}}})
}

// notUnderstood reports whether an answer may mean that the receiver does not know 2.0.
func notUnderstood(a *answer) bool {
	if a.protocol != wire.V2 || a.page {
		return false
	}
	switch a.status {
	case http.StatusBadRequest, http.StatusNotAcceptable, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusNotImplemented:
		return true
	}
	return a.status/100 == 2 && judge(*a, true) != delivered
}

// open reports whether an answer to the canary leaves open whether the receiver takes it: there was none, or the
// receiver is busy or fails.
func (a *answer) open() bool { return judge(*a, false) == again }
