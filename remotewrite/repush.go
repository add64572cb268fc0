package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"backwire/source"
)

// Repush is what became of rejections that were pushed again.
type Repush struct {
	Rejections int // that were pushed
	Taken      int // of them, whole
	Stats      Stats
}

// Repush pushes an endpoint's rejections again, the oldest first, as after its receiver was put right. What is taken leaves the
// store; what is refused stays, with the receiver's new words where it is only a part. An agent may go on
// writing to the store meanwhile.
func (s *RejectedStore) Repush(ctx context.Context, c EndpointConfig, log *slog.Logger, progress func(done, total int64)) (Repush, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	from := &rejectedFeed{store: s, end: end, progress: progress}
	for r, err := range readRoot(s.root) {
		if err == nil && r.Endpoint == c.Name { // damage is told where they are listed
			from.all = append(from.all, r)
		}
	}
	if len(from.all) == 0 {
		return Repush{}, nil
	}
	c.Repeats, c.Concurrency = true, 1
	e, err := NewEndpoint(c, from, from, log)
	if err != nil {
		return Repush{}, err
	}
	if err = e.answers(ctx); err == nil {
		err = errors.Join(e.Run(ctx, 0), from.failed)
	}
	if err == nil && from.at < len(from.all) {
		err = errInterrupted
	}
	done := Repush{Rejections: len(from.all), Taken: from.taken, Stats: e.Stats()}
	if err != nil {
		err = fmt.Errorf("push rejected samples to endpoint %s: %w", c.Name, err)
	}
	return done, err
}

// rejectedFeed reads rejections once, each as a window, and takes what is refused again.
type rejectedFeed struct {
	store    *RejectedStore
	all      []Rejection
	at       int
	again    []Rejection // of the one at hand
	taken    int
	failed   error // the store cannot be written
	end      context.CancelFunc
	progress func(done, total int64)
}

func (f *rejectedFeed) fill(w *window, _ int) error {
	if f.at == len(f.all) || f.failed != nil {
		return io.EOF
	}
	f.again = nil
	*w = *f.all[f.at].window()
	return nil
}

// Reject is told by the endpoint, which sends one request at a time.
func (f *rejectedFeed) Reject(r Rejection) error {
	f.again = append(f.again, r)
	return nil
}

// advance keeps of a rejection what was refused again. All that is new is kept before the old one goes.
func (f *rejectedFeed) advance(_ *window, note []byte) error {
	if note != nil {
		return nil
	}
	r := f.all[f.at]
	f.at++
	f.progress(int64(f.at), int64(len(f.all)))
	refused := 0
	for _, a := range f.again {
		refused += a.Samples
	}
	switch {
	case refused >= r.Samples:
		return nil // as it was
	case refused == 0:
		f.taken++
	}
	for _, a := range f.again {
		f.failed = errors.Join(f.failed, f.store.Reject(a))
	}
	if f.failed == nil {
		f.failed = f.store.Take(r)
	}
	return f.failed
}

// wait is called when there is nothing more.
func (f *rejectedFeed) wait(context.Context) error {
	f.end()
	return nil
}

// window is a rejection as it came from the queue once.
func (r *Rejection) window() *window {
	d, all := new(dictionary), make([]drawn, len(r.Series))
	names := newNames(&image{dict: d})
	for i := range r.Series {
		s := &r.Series[i]
		metric := names.metric(&source.Metric{Name: s.Metric.Name, Type: s.Metric.Type, Unit: s.Metric.Unit, Help: s.Metric.Help})
		names.define(metric, &source.Series{Name: s.Name, Start: s.Start, Labels: s.Labels})
		all[i].series = uint32(i)
		for _, p := range s.Points {
			all[i].points = append(all[i].points, point(p))
		}
	}
	return windowOf(d, all)
}
