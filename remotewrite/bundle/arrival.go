package bundle

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"backwire/remotewrite/wal"
	"backwire/source"
)

// arrival is a directory that a bundle comes into, as it was when it was last looked at. It is not changed afterwards: the next
// look makes another.
type arrival struct {
	name     string
	manifest *Manifest // nil as long as there is none to be read
	hash     string    // of the manifest's bytes, in hex
	listing  string    // names, sizes and times of the files
	newest   time.Time // of these times and the directory's own
	since    time.Time // when the listing last changed, as far as that is known
	why      string    // why it is not whole, empty where all files are there in their sizes
}

// lookFor lists what comes into a directory, the oldest first. What looks as it did before is not read again; before is nil at the first look.
func lookFor(dir string, trusted ed25519.PublicKey, before map[string]*arrival, now time.Time) ([]*arrival, error) {
	entries, err := entriesOf(dir)
	if err != nil {
		return nil, fmt.Errorf("look for bundles: %w", err)
	}
	var found []*arrival
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || name == doneDir || name == "lost+found" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, partSuffix) || source.Printable(name) != name {
			continue
		}
		a := &arrival{name: name, since: now}
		bundle, err := a.list(dir)
		switch known := before[name]; {
		case err != nil:
			a.why = err.Error()
		case !bundle:
			continue
		case known != nil && known.listing == a.listing && known.hash != "":
			a = known
		default:
			switch {
			case before == nil && a.newest.Before(now): // it was there before this program
				a.since = a.newest
			case known != nil && known.listing == a.listing:
				a.since = known.since
			}
			a.read(dir, trusted)
		}
		found = append(found, a)
	}
	slices.SortStableFunc(found, func(a, b *arrival) int { return a.created().Compare(b.created()) })
	return found, nil
}

// created is when the bundle was made; one that does not say so yet is the newest.
func (a *arrival) created() time.Time {
	if a.manifest == nil {
		return time.Unix(1<<40, 0)
	}
	return a.manifest.Created
}

// list says whether the directory is one of a bundle, and what is in it.
func (a *arrival) list(dir string) (bundle bool, err error) {
	path := filepath.Join(dir, a.name)
	entries, err := entriesOf(path)
	if errors.Is(err, fs.ErrPermission) {
		return false, fmt.Errorf("%w; it has to be readable and writable for user %d", err, os.Geteuid())
	}
	if err != nil {
		return false, err
	}
	if info, err := os.Stat(path); err == nil {
		a.newest = info.ModTime()
	}
	var listing strings.Builder
	for _, e := range entries {
		_, segment := wal.SegmentNumber(e.Name())
		bundle = bundle || segment || e.Name() == manifestFile
		if info, err := e.Info(); err == nil {
			if info.ModTime().After(a.newest) {
				a.newest = info.ModTime()
			}
			fmt.Fprintf(&listing, "%q %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	sum := sha256.Sum256([]byte(listing.String()))
	a.listing = hex.EncodeToString(sum[:])
	return bundle, nil
}

// read learns what the bundle will hold and what of it is not there yet. Whether the bytes are right is not asked here.
func (a *arrival) read(dir string, trusted ed25519.PublicKey) *arrival {
	root, err := os.OpenRoot(filepath.Join(dir, a.name))
	if err != nil {
		a.why = err.Error()
		return a
	}
	defer root.Close()
	b, err := readUnlinked(root, manifestFile, maxManifest)
	if err == nil {
		a.manifest, err = NewMedium(trusted).readManifest(root)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.why = manifestFile + " is not there yet"
		return a
	case err != nil:
		a.why = err.Error()
		return a
	}
	sum := sha256.Sum256(b)
	a.hash = hex.EncodeToString(sum[:])
	missing, first := 0, ""
	for _, f := range a.manifest.Files {
		if info, err := root.Lstat(f.Name); err != nil || info.Size() != f.Bytes {
			missing++
			first = cmp.Or(first, f.Name)
		}
	}
	if missing > 0 {
		a.why = fmt.Sprintf("%d of %d files are not there yet, the first is %s", missing, len(a.manifest.Files), first)
	}
	return a
}
