package remotewrite

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"backwire/remotewrite/wal"
)

// Bundle is an exported queue of which every byte is as its manifest says.
type Bundle struct {
	Manifest Manifest
	Damages  []DamageInspection // that the queue had when it was exported

	path string
	root *os.Root
	log  *wal.Log
}

// Bundles are the bundles below a directory that an agent exports to, the oldest first. Where there is none it is the
// directory itself, which is one or is refused as one.
func Bundles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted by name, which begins with the time
	if err != nil {
		return nil, fmt.Errorf("look for bundles: %w", err)
	}
	var found []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, err := os.Stat(filepath.Join(path, manifestFile)); err == nil && e.IsDir() && !strings.HasSuffix(path, partSuffix) {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		return []string{dir}, nil
	}
	return found, nil
}

// OpenBundle reads all of a bundle and refuses it where anything is missing, truncated or changed; with a
// trusted key also where its signature is not of that key. Nothing is sent yet.
func OpenBundle(dir string, trusted ed25519.PublicKey, progress func(done, total int64)) (*Bundle, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	b := &Bundle{path: dir, root: root}
	if err := b.open(trusted, progress); err != nil {
		return nil, errors.Join(fmt.Errorf("bundle %s is refused, nothing is sent: %w", dir, err), b.Close())
	}
	return b, nil
}

func (b *Bundle) open(trusted ed25519.PublicKey, progress func(done, total int64)) error {
	m, err := readManifest(b.root, trusted)
	if err != nil {
		return err
	}
	b.Manifest = *m
	if err := m.checkFiles(b.root, progress); err != nil {
		return err
	}
	if b.log, _, err = wal.Open(wal.NewDir(b.root), wal.Options{ReadOnly: true}); err != nil {
		return err
	}
	if err := m.checkSegments(b.log.Segments()); err != nil {
		return err
	}
	// A record of a version that is not known is found here and not halfway.
	in := inspector{log: b.log, standing: new(standing)}
	err = in.walk(wal.Position(m.From), func(int64, int64) {})
	b.Damages = in.found.Damages
	return err
}

// Close closes the bundle's files.
func (b *Bundle) Close() error {
	var errs []error
	if b.log != nil {
		errs = append(errs, b.log.Close())
	}
	return errors.Join(append(errs, b.root.Close())...)
}

// Send delivers the bundle, oldest first, to one receiver, and returns when every sample has its final
// verdict. It first makes sure that the receiver answers. What that refuses goes to rejected, which may be nil. A bundle
// may be sent again, whole or after an interruption: the receiver has the same series in the end.
func (b *Bundle) Send(ctx context.Context, c EndpointConfig, rejected Rejected, log *slog.Logger, progress func(done, total int64)) (Stats, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	c.Repeats = true
	from := &bundleFeed{bundle: b, end: end, progress: progress}
	from.reader = newReader(b.log, wal.Position(b.Manifest.From), from.report)
	e, err := NewEndpoint(c, from, rejected, log)
	if err != nil {
		return Stats{}, err
	}
	err = from.deliver(ctx, e)
	if err := errors.Join(err, from.reader.close()); err != nil {
		return e.Stats(), fmt.Errorf("send bundle %s to endpoint %s: %w", b.path, c.Name, err)
	}
	return e.Stats(), nil
}

// deliver runs an endpoint to the bundle's end.
func (f *bundleFeed) deliver(ctx context.Context, e *Endpoint) error {
	if err := e.answers(ctx); err != nil {
		return err
	}
	err := e.Run(ctx, 0) // at the end there is nothing under way, and an interruption is meant
	switch {
	case err != nil:
	case f.failed != nil:
		err = f.failed
	case !f.finished:
		err = errInterrupted
	}
	return err
}

var errInterrupted = errors.New("interrupted; what is missing is sent when it is run again")

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
	reader   *reader
	end      context.CancelFunc
	progress func(done, total int64)
	finished bool  // everything has its verdict
	failed   error // the bundle cannot be read any more
}

func (f *bundleFeed) fill(w *window, least int) error {
	if f.failed != nil {
		return f.failed
	}
	err := f.reader.fill(w, least)
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
func (f *bundleFeed) report(l loss) {
	known := slices.ContainsFunc(f.bundle.Damages, func(d DamageInspection) bool {
		return d.Segment == l.segment && d.Offset == l.offset
	})
	if !known && f.failed == nil {
		f.failed = fmt.Errorf("segment %d cannot be read any more at byte %d: %w", l.segment, l.offset, l.err)
	}
}

func (f *bundleFeed) advance(w *window, note []byte) error {
	if note != nil {
		return nil
	}
	f.progress(f.bundle.bytesBefore(w.next), f.bundle.Manifest.Bytes())
	return nil
}

// wait is called when all is delivered: nothing more will come.
func (f *bundleFeed) wait(context.Context) error {
	f.finished = true
	f.end()
	return nil
}
