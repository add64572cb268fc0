package send

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/remotewrite/wire"
	"backwire/source"
)

// Native histograms are made of classic ones when a request is encoded. They are no samples: the log does not have them, the counters of
// samples do not count them, and none of them may cost or delay a sample. So a canary asks first whether the receiver takes them; they go
// behind the samples that they are made of, in requests of their own; and those that are refused are counted and not sent again.

// nativeCanary is that canary's metric.
const nativeCanary = canaryMetric + "_histogram"

// nativesPause is for how long none are sent where some were not taken, and after how long an open question is asked again.
const nativesPause = time.Minute

// natives is whether an endpoint sends native histograms. Run changes what is known, and shards read it meanwhile.
type natives struct {
	wanted bool
	ask    atomic.Int64 // when to ask the receiver, ms since the epoch: 0 is at once
	known  bool
	taken  bool
	pause  [2]atomic.Int64 // until when none are sent, of what is new and of the past
}

// never is a time to ask at that does not come.
const never = math.MaxInt64

// nativesOf asks whether the receiver takes native histograms where that is not known.
func (e *Endpoint) nativesOf(l life) {
	n := &e.natives
	due := n.ask.Load()
	if !n.wanted || time.Now().UnixMilli() < due {
		return
	}
	next := int64(never)
	taken, why, known := e.takesNatives(l.hard)
	switch {
	case !known:
		next = time.Now().Add(nativesPause).UnixMilli()
	case taken && !n.taken:
		e.log.Info("the receiver accepts native histograms: they are sent beside the classic ones")
		e.recorder.takesNatives(nativesSent)
	case !taken && (n.taken || !n.known):
		e.log.Warn("native histograms are not sent: "+why, "next", nativesAdvice)
		e.recorder.takesNatives("not sent: " + why)
	}
	if known {
		n.known, n.taken = true, taken
	}
	n.ask.CompareAndSwap(due, next)
}

// nativesSent is what is known of a receiver that takes native histograms.
const nativesSent = "sent"

const nativesAdvice = "have the receiver accept Remote-Write 2.0 and native histograms with custom buckets, or set BACKWIRE_NATIVE_HISTOGRAMS to false"

// takesNatives asks the receiver; why is empty unless it is known that it does not take them.
func (e *Endpoint) takesNatives(ctx context.Context) (taken bool, why string, known bool) {
	if e.protocol() == wire.V1 {
		return false, "Remote-Write 1.0, which is used with this receiver, has none", true
	}
	a := e.canary.askNative(ctx)
	if judge(a, false) == delivered {
		if a.histograms > 0 {
			return true, "", true
		}
		return false, fmt.Sprintf("the receiver answers %d and does not confirm that it stored one", a.status), true
	}
	if a.open() && a.status < 500 {
		return false, "", false
	}
	if _, plain := e.canary.ask(ctx, wire.V2); judge(plain, false) != delivered {
		return false, "", false // nor does it take anything else
	}
	return false, "the receiver refuses them: " + a.complaint(), true
}

// natives sends the native histograms of what a request had, once. What is not taken is counted; then none are sent for a while, and the
// receiver is asked again whether it takes any.
func (s *shard) natives(l life, w *window.Window, of wire.Request) {
	e, lane := s.endpoint, 0
	if w.Past {
		lane = 1
	}
	if !e.natives.taken || e.protocol() == wire.V1 {
		return
	}
	for sp := of.Span; !sp.Empty(); {
		r := s.encoder.EncodeNatives(w, sp, of.Since, e.sizing.limits())
		sp.From = r.Span.To
		taken := false
		if r.Natives > 0 && time.Now().UnixMilli() >= e.natives.pause[lane].Load() {
			a, released := e.client.post(l.hard, r.Protocol, r.Body, 0)
			if !released {
				s.encoder.Abandon()
			}
			e.recorder.answered(r, a, 0)
			if taken = judge(a, false) == delivered; !taken {
				e.pauseNatives(lane, &a)
			}
		}
		e.recorder.natives(r.Natives, taken)
	}
}

func (e *Endpoint) pauseNatives(lane int, a *answer) {
	until := time.Now().Add(nativesPause).UnixMilli()
	e.natives.pause[lane].Store(until)
	e.natives.ask.Store(until)
	if e.recorder.news("natives") {
		e.log.Warn("the receiver does not accept native histograms of the classic ones that it accepts: they are not sent again", "answer", a.describe())
	}
}

// askNative sends a native histogram of one observation, now.
func (c *canary) askNative(ctx context.Context) answer {
	m := &source.Metric{Name: nativeCanary, Type: source.Histogram, Help: "Test histogram, which shows whether the receiver accepts native histograms."}
	labels := []source.Label{{Name: "endpoint", Value: c.config.Name}, {Name: "instance", Value: c.instance}}
	at := max(time.Now().UnixMilli(), c.newest.Load())
	series, points := make([]*source.Series, 4), make([]window.Series, 4)
	for i, le := range []string{"1.0", "+Inf", "", ""} {
		series[i] = source.NewSeries(m, []string{"_bucket", "_bucket", "_sum", "_count"}[i], 0, append(labels, source.Label{Name: "le", Value: le})...)
		points[i] = window.Series{Ref: uint32(i), Points: []window.Point{{T: at, V: 1}}}
	}
	w := window.Of(record.Define(series...), points)
	r := wire.NewEncoder(c.config.ExternalLabels).EncodeNatives(w, w.Whole(), math.MinInt64, wire.Limits{Samples: math.MaxInt, Series: math.MaxInt, Bytes: 1 << 20})
	a, _ := c.client.post(ctx, r.Protocol, r.Body, 0)
	return a
}
