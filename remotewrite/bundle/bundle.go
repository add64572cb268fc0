package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/record"
	"backwire/remotewrite/send"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

// Bundle is an exported queue of which every byte is as its manifest says.
type Bundle struct {
	Manifest Manifest
	Damages  []queue.Damage // that the queue had when it was exported

	path   string
	signed bool // by a key that is trusted
	log    *wal.Log
}

func (b *Bundle) open(ctx context.Context, from *Medium, progress func(done, total int64)) error {
	root, err := os.OpenRoot(b.path)
	if err != nil {
		return err
	}
	defer root.Close()
	m, err := from.readManifest(root)
	if err != nil {
		return err
	}
	b.Manifest, b.signed = *m, from.trusted != nil
	files, err := m.hashFiles(ctx, root, b.path, progress)
	if err != nil {
		return err
	}
	room := bundleRoom(b.signed, ctx.Done())
	if b.log, _, err = wal.Open(queue.Interruptible(ctx, files), wal.Options{ReadOnly: true, MostPayload: room.Payload}); err != nil {
		return err
	}
	if err := m.checkSegments(root, b.log.Segments()); err != nil {
		return err
	}
	// A record of a version that is not known, or one too large, is found here and not halfway.
	in := queue.NewInspector(b.log, room)
	err = in.Walk(wal.Position(m.From), func(int64, int64) {})
	b.Damages = in.Found.Damages
	return err
}

// Close lets the bundle's files go.
func (b *Bundle) Close() error { return b.log.Close() }

// bundleRoom is that of a bundle. One that nobody vouches for is read within a fixed room, which 150,000 series fit in.
func bundleRoom(signed bool, stop <-chan struct{}) record.Room {
	r := record.Room{Base: 14 << 20, Payload: 8 << 20, Text: 16 << 10, Labels: 64, Damages: 1000, Window: 6 << 20, Stop: stop}
	if signed {
		r.Factor, r.Payload = 32, 0
	}
	return r
}

// Send delivers the bundle, oldest first, to one receiver, and returns when every sample has its final
// verdict. It first makes sure that the receiver answers. What that refuses goes to rejected, which may be nil. A bundle
// may be sent again, whole or after an interruption: the receiver has the same series in the end.
func (b *Bundle) Send(ctx context.Context, c send.Config, rejected send.Rejected, log *slog.Logger, progress func(done, total int64)) (send.Stats, error) {
	running, end := context.WithCancel(ctx)
	defer end()
	c.Repeats = true
	from := &bundleFeed{bundle: b, end: end, progress: progress}
	from.reader = window.NewReader(b.log, wal.Position(b.Manifest.From), from.report)
	from.reader.Room = bundleRoom(b.signed, ctx.Done())
	e, err := send.NewEndpoint(c, from, rejected, log)
	if err != nil {
		return send.Stats{}, err
	}
	if err = from.deliver(running, e); ctx.Err() != nil && !from.finished {
		err = queue.ErrUnsent
	}
	if err := errors.Join(err, from.reader.Close()); err != nil {
		return e.Stats(), fmt.Errorf("send bundle %s to endpoint %s: %w", b.path, c.Name, err)
	}
	return e.Stats(), nil
}

// deliver runs an endpoint to the bundle's end.
func (f *bundleFeed) deliver(ctx context.Context, e *send.Endpoint) error {
	if err := e.Answers(ctx); err != nil {
		return err
	}
	err := e.Run(ctx, 0) // at the end there is nothing under way, and an interruption is meant
	switch {
	case err != nil:
	case f.failed != nil:
		err = f.failed
	case !f.finished:
		err = queue.ErrUnsent
	}
	return err
}

// bytesBefore is how much of the bundle lies before a position.
func (b *Bundle) bytesBefore(at wal.Position) int64 {
	n := int64(at.Offset)
	for _, s := range b.log.Segments() {
		if s.Number < at.Segment {
			n += s.Bytes
		}
	}
	return n
}

// bundleFeed reads a bundle once and then ends the endpoint. It keeps no place: what was sent may be sent again.
type bundleFeed struct {
	bundle   *Bundle
	reader   *window.Reader
	end      context.CancelFunc
	progress func(done, total int64)
	finished bool  // everything has its verdict
	failed   error // the bundle cannot be read any more
}

func (f *bundleFeed) Fill(w *window.Window, least int) error {
	if f.failed != nil {
		return f.failed
	}
	w.Most = f.reader.Room.Window
	err := f.reader.Fill(w, least)
	if f.failed == nil && err != nil && !errors.Is(err, io.EOF) {
		f.failed = err
	}
	if f.failed != nil {
		f.end()
		return f.failed
	}
	return err
}

// report ends the import where something is lost that was there when the bundle was opened: its medium
// was taken out, or fails.
func (f *bundleFeed) report(l window.Loss) {
	known := slices.ContainsFunc(f.bundle.Damages, func(d queue.Damage) bool {
		return d.Segment == l.Segment && d.Offset == l.Offset
	})
	if !known && f.failed == nil {
		f.failed = fmt.Errorf("segment %d is no longer readable at byte %d: %w", l.Segment, l.Offset, l.Err)
	}
}

func (f *bundleFeed) Advance(w *window.Window, note []byte) error {
	if note != nil {
		return nil
	}
	f.progress(f.bundle.bytesBefore(w.Next), f.bundle.Manifest.Bytes())
	return nil
}

// Wait is called when all is delivered: nothing more will come.
func (f *bundleFeed) Wait(context.Context) error {
	f.finished = true
	f.end()
	return nil
}
