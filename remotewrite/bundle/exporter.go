package bundle

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/send"
	"backwire/source/probe"
)

// ExporterConfig is a directory that bundles are written to, as on a stick.
type ExporterConfig struct {
	Name     string
	Queue    string             // the queue's directory
	Dir      string             // has to exist: it is never made
	Key      ed25519.PrivateKey // to sign with; nil does not
	Interval time.Duration      // between two bundles
}

// partSuffix is what the name of a bundle ends in before it is whole.
const partSuffix = ".part"

// exportDelay is how long cycles that follow the first new one may take, as where a gap is filled.
const exportDelay = time.Second

// exportRetry is when an export that failed is tried again.
const exportRetry = 10 * time.Second

// Exporter is an endpoint whose receiver is a directory: what the queue holds goes there in bundles, each where the
// one before ended. Its cursor moves when a bundle is durable. It is one goroutine, Run.
type Exporter struct {
	config   ExporterConfig
	from     *queue.Subscription
	log      *slog.Logger
	recorder *send.Recorder
	mounted  bool // the directory was seen on a medium of its own
}

// NewExporter returns an exporter that goes on at a subscription.
func NewExporter(c ExporterConfig, from *queue.Subscription, log *slog.Logger) *Exporter {
	log = log.With("endpoint", c.Name)
	x := &Exporter{config: c, from: from, log: log, recorder: send.NewRecorder(c.Name, log)}
	x.recorder.Exports()
	return x
}

// Stats is what the exporter has done so far.
func (x *Exporter) Stats() send.Stats { return x.recorder.Snapshot() }

// Run writes a bundle whenever the interval has passed and there is something new, until ctx ends. What is
// queued then is part of the next run's first bundle; where ctx has ended from the start, it is written once.
func (x *Exporter) Run(ctx context.Context, _ time.Duration) error {
	for last := false; !last && x.await(ctx) == nil; last = ctx.Err() != nil {
		wait := x.config.Interval
		if err := x.export(); err != nil {
			wait = exportRetry
			x.recorder.Failed("cannot write a bundle", err.Error(), slog.LevelError)
		}
		_ = sleep(ctx, wait)
	}
	return nil
}

// await returns when there is a cycle that no bundle has, and those that follow it at once: a segment's head alone is
// nothing.
func (x *Exporter) await(ctx context.Context) error {
	for at := x.from.Position(); ; at = x.from.End() {
		if err := x.from.WaitBehind(ctx, at); err != nil {
			return err
		}
		if err := sleep(ctx, exportDelay); err != nil && x.from.CaughtUp() {
			return err
		}
		if !x.from.CaughtUp() {
			return nil
		}
	}
}

// sleep returns after d, and with an error where the context ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Check tries whether a bundle can be written, and leaves nothing behind.
func (x *Exporter) Check() []probe.Finding {
	f := probe.Finding{Step: "directory", Result: probe.OK, Tried: "write to " + x.config.Dir}
	if err := x.tryWriting(); err != nil {
		f.Result, f.Found = probe.Failed, err.Error()
		f.Next = "mount the medium, create the directory on it once, and make it writable for this user"
	}
	return []probe.Finding{f}
}

func (x *Exporter) tryWriting() error {
	if err := x.present(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(x.config.Dir, ".backwire-check-")
	if err != nil {
		return fmt.Errorf("%w%s", err, x.advice(err))
	}
	return os.Remove(dir)
}

// present refuses to write where the medium should be and is not. The directory is never made, so that the mount point of
// a medium that is out does not fill up instead; one that is a mount point itself is known by
// having been one.
func (x *Exporter) present() error {
	info, err := os.Stat(x.config.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist; waiting for it. Mount the medium and create the directory on it once; backwire does not create it", x.config.Dir)
	case err != nil:
		return fmt.Errorf("export to %s: %w", x.config.Dir, err)
	case !info.IsDir():
		return fmt.Errorf("export to %s: it is not a directory", x.config.Dir)
	}
	own, err := queue.IsMountPoint(x.config.Dir, info)
	if err != nil {
		return fmt.Errorf("export to %s: %w", x.config.Dir, err)
	}
	if x.mounted && !own {
		return fmt.Errorf("%s is a mount point without its medium; waiting for the medium", x.config.Dir)
	}
	x.mounted = own
	return nil
}

// export writes one bundle, gives it its name when it is whole, and moves the cursor.
func (x *Exporter) export() error {
	if err := x.present(); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(x.config.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing is written by it
	part := fmt.Sprintf("%s-%s", host, x.config.Name) + partSuffix
	if err := root.RemoveAll(part); err != nil { // of a run that was cut off
		return fmt.Errorf("remove an unfinished bundle: %w", err)
	}
	queue, err := os.OpenRoot(x.config.Queue)
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }() // what is written in it is synced
	last, err := lastNumber(queue, x.config.Name)
	if err != nil {
		x.log.Warn("bundle numbers start at 1 again", "error", err)
	}
	out := &export{options: ExportOptions{Endpoint: x.config.Name, Number: last + 1, Key: x.config.Key, Progress: func(int64, int64) {}}}
	err = errors.Join(out.run(context.Background(), x.config.Queue, filepath.Join(x.config.Dir, part)), out.close())
	if err != nil {
		return fmt.Errorf("export to %s: %w%s", x.config.Dir, errors.Join(err, root.RemoveAll(part)), x.advice(err))
	}
	name := bundleName(out.manifest.Created, host, x.config.Name)
	if err := root.Rename(part, name); err != nil {
		return err
	}
	if err := syncDir(root); err != nil {
		return err
	}
	if err := storeNumber(queue, x.config.Name, last+1); err != nil {
		x.log.Warn("cannot store the number of the bundle: the next one will have the same number", "error", err)
	}
	return x.exported(out, name)
}

// advice is what to do about the common causes.
func (x *Exporter) advice(err error) string {
	if errors.Is(err, syscall.EROFS) {
		return "; check that it is not mounted read-only. The service also needs ReadWritePaths=" + x.config.Dir + " in the unit"
	}
	return queue.Advice(err, x.config.Dir)
}

func syncDir(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (x *Exporter) exported(out *export, name string) error {
	samples := out.behind.Total.Minus(x.from.Done()).Samples
	if err := x.from.Pass(out.behind); err != nil {
		return err
	}
	x.recorder.Exported(samples, out.behind.Newest)
	x.log.Info("bundle written", "bundle", filepath.Join(x.config.Dir, name), "segments", len(out.manifest.Files), "samples", samples)
	return nil
}
