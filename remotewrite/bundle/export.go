package bundle

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
)

// ExportOptions say what of a queue is exported. The zero value is all of it, unsigned.
type ExportOptions struct {
	Endpoint string             // only what it has not taken yet
	Since    time.Time          // only segments with samples from then on
	Key      ed25519.PrivateKey // to sign with
	Number   uint64             // of the bundle among the endpoint's; 0 is none
	Progress func(done, total int64)
}

// Export copies a queue's segments to a directory that holds no bundle yet. It takes no lock and changes
// nothing in the queue, so that it may run beside the agent. When it fails, or ctx ends, it removes what it wrote.
func Export(ctx context.Context, dir, to string, o ExportOptions) (*Manifest, error) {
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	x := &export{options: o}
	if err := errors.Join(x.run(ctx, dir, to), x.close()); err != nil {
		return nil, fmt.Errorf("export queue %s to %s: %w", dir, to, err)
	}
	return &x.manifest, nil
}

// ExportBelow is Export to a new directory below one that exists, as on a medium that has the bundles of other weeks. It returns the
// new directory, which has its name when it is whole.
func ExportBelow(ctx context.Context, dir, medium string, o ExportOptions) (string, *Manifest, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", nil, err
	}
	root, err := os.OpenRoot(medium)
	if err != nil {
		return "", nil, fmt.Errorf("export queue %s to %s: %w", dir, medium, err)
	}
	defer root.Close()
	part := host + "-export" + partSuffix
	if err := root.RemoveAll(part); err != nil { // of an export that was killed
		return "", nil, fmt.Errorf("remove an unfinished bundle: %w%s", err, queue.Advice(err, medium))
	}
	manifest, err := Export(ctx, dir, filepath.Join(medium, part), o)
	if err != nil {
		_ = root.Remove(part) // it is empty where nothing was written
		return "", nil, err
	}
	name := bundleName(manifest.Created, host, "export")
	if err := errors.Join(root.Rename(part, name), syncDir(root)); err != nil {
		return "", nil, fmt.Errorf("export queue %s to %s: %w", dir, medium, err)
	}
	return filepath.Join(medium, name), manifest, nil
}

// bundleName sorts bundles by their time.
func bundleName(created time.Time, host, by string) string {
	return fmt.Sprintf("%s-%s-%s", created.Format("20060102T150405.000Z"), host, by)
}

// export is one on its way.
type export struct {
	options  ExportOptions
	from, to *os.Root
	manifest Manifest
	behind   queue.Reached // where the log ended
	written  []string
}

func (x *export) run(ctx context.Context, dir, to string) (err error) {
	if x.from, err = os.OpenRoot(dir); err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if x.to, err = os.OpenRoot(to); err != nil {
		return err
	}
	if to, err = filepath.Abs(to); err != nil {
		return err
	}
	if err := queue.SyncParent(to); err != nil {
		return err
	}
	if err := checkVacant(x.to); err != nil {
		return err
	}
	segments, err := x.choose(ctx, dir)
	if err != nil {
		return err
	}
	if err := x.copyAll(ctx, segments); err != nil {
		return errors.Join(err, x.undo())
	}
	return nil
}

func (x *export) close() error {
	var errs []error
	for _, root := range []*os.Root{x.from, x.to} {
		if root != nil {
			errs = append(errs, root.Close())
		}
	}
	return errors.Join(errs...)
}

// checkVacant refuses to mix two bundles. Other files may lie about, as they do on a stick.
func checkVacant(root *os.Root) error {
	names, err := wal.NewDir(root).List(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == manifestFile || name == signatureFile || strings.HasSuffix(name, ".seg") {
			return fmt.Errorf("%s already exists: a bundle needs a new directory", name)
		}
	}
	return nil
}

// choose looks at the queue at one moment and begins the manifest. What the agent appends or
// begins afterwards is not part of it.
func (x *export) choose(ctx context.Context, dir string) ([]queue.Segment, error) {
	files := queue.Interruptible(ctx, wal.NewDir(x.from))
	log, _, err := wal.Open(files, wal.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	chosen, err := x.chooseFrom(log, files, dir)
	return chosen, errors.Join(err, log.Close())
}

func (x *export) chooseFrom(log *wal.Log, files wal.FS, dir string) (chosen []queue.Segment, err error) {
	in := queue.NewInspector(log, record.OwnRoom())
	if err := in.Heads(); err != nil {
		return nil, err
	}
	in.Describe()
	if x.manifest, err = x.begin(dir, queue.SiteNames(in.Found.Sites)); err != nil {
		return nil, err
	}
	from, err := x.start(files)
	if err != nil {
		return nil, err
	}
	for i, s := range log.Segments() {
		described := in.Found.Segments[i]
		taken := wal.Position{Segment: s.Number, Offset: uint64(s.Bytes)}.Compare(from) <= 0
		if taken || len(chosen) == 0 && x.Before(described) {
			continue
		}
		if len(chosen) == 0 {
			x.manifest.FirstSequence = s.FirstSeq
		}
		x.manifest.Files = append(x.manifest.Files, File{
			Name: s.Name(), Bytes: s.Bytes, Records: described.Records, Samples: described.Samples,
		})
		chosen = append(chosen, described)
	}
	if len(chosen) == 0 {
		return nil, errors.New("there is nothing to export")
	}
	x.manifest.From, x.manifest.LastSequence = Place(from), in.Seq
	newest := chosen[len(chosen)-1]
	x.behind = queue.Reached{Next: log.End(), Total: in.Total, Inside: newest.Totals, Newest: newest.Newest}
	return chosen, nil
}

func (x *export) begin(dir string, sites []string) (Manifest, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return Manifest{}, err
	}
	host, err := os.Hostname()
	if err != nil {
		return Manifest{}, err
	}
	return Manifest{
		Version: manifestVersion, Agent: host + ":" + path, Created: time.Now().UTC(), Sites: sites,
		Endpoint: x.options.Endpoint, Number: x.options.Number,
	}, nil
}

// start is the endpoint's place, or the beginning.
func (x *export) start(files wal.FS) (wal.Position, error) {
	if x.options.Endpoint == "" {
		return wal.Position{}, nil
	}
	at, err := wal.ReadCursor(files, x.options.Endpoint)
	if !errors.Is(err, fs.ErrNotExist) {
		return at, err
	}
	names, _ := wal.Cursors(files)
	return at, fmt.Errorf("endpoint %q has no position in the queue; endpoints: %s", x.options.Endpoint, strings.Join(names, ", "))
}

// Before says that a segment is older than what was asked for. Where damage hides how old it
// is, it is not.
func (x *export) Before(s queue.Segment) bool {
	return s.Newest != 0 && time.UnixMilli(s.Newest).Before(x.options.Since)
}

func (x *export) copyAll(ctx context.Context, segments []queue.Segment) error {
	total, done := x.manifest.Bytes(), int64(0)
	for i, s := range segments {
		f := &x.manifest.Files[i]
		sum, err := x.copy(ctx, f.Name, f.Bytes)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("segment %d was deleted by the agent during the copy; export again: %w", s.Segment, err)
		}
		if err != nil {
			return fmt.Errorf("copy %s: %w", f.Name, err)
		}
		f.SHA256 = sum
		done += f.Bytes
		x.options.Progress(done, total)
	}
	if ctx.Err() != nil {
		return queue.ErrInterrupted
	}
	if err := x.manifest.write(x.to, x.options.Key); err != nil {
		return err
	}
	x.written = append(x.written, manifestFile, signatureFile)
	return wal.NewDir(x.to).SyncDir(".")
}

// copy copies a segment as far as it is committed and returns its hash. The source is synced first, because
// the agent may have written its last record and not yet have synced it.
func (x *export) copy(ctx context.Context, name string, bytes int64) (string, error) {
	from, err := x.from.Open(name)
	if err != nil {
		return "", err
	}
	defer from.Close()
	if err := from.Sync(); err != nil {
		return "", err
	}
	to, err := x.to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, bundleMode)
	if err != nil {
		return "", err
	}
	x.written = append(x.written, name)
	sum := sha256.New()
	_, err = io.CopyN(io.MultiWriter(to, sum), interruptibleReader{from, ctx}, bytes)
	if err == nil {
		err = to.Sync()
	}
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, to.Close())
}

// undo removes half a bundle, so that the export can be tried again.
func (x *export) undo() error {
	var errs []error
	for _, name := range append(x.written, manifestFile, signatureFile) {
		if err := x.to.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// interruptibleReader is what is read one after the other.
type interruptibleReader struct {
	io.Reader
	ctx context.Context
}

// Read implements io.Reader.
func (r interruptibleReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, queue.ErrInterrupted
	}
	return r.Reader.Read(p)
}
