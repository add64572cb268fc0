package bundle

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"backwire/source"
)

// What one import takes from a medium at most, so that it stays small whatever lies there. A year of hourly bundles is
// 9,000 of them.
const (
	maxMediumNames     = 100_000  // of files and directories, looked at
	maxMediumSegments  = 32 << 10 // of all bundles
	maxMediumBytes     = 64 << 30
	maxMediumManifests = 8 << 20 // bytes of all manifests
)

var errMediumFull = errors.New("more than one import accepts: import the bundles in parts, one directory at a time")

// Medium is what bundles are read from: a stick, a share. Nobody knows what somebody else has put there. It belongs to one
// goroutine.
type Medium struct {
	trusted   ed25519.PublicKey
	segments  int
	bytes     int64
	manifests int64
	bundles   []*Manifest
}

// NewMedium is a medium whose bundles have to be signed with the key, where there is one.
func NewMedium(trusted ed25519.PublicKey) *Medium { return &Medium{trusted: trusted} }

// Bundles are those below a directory, the oldest first, behind the directory itself where that is one too. Where there is none it
// is the directory, which is refused as one.
func Bundles(dir string) ([]string, error) {
	entries, err := entriesOf(dir)
	if err != nil {
		return nil, fmt.Errorf("look for bundles: %w", err)
	}
	var found []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() || strings.HasSuffix(path, partSuffix) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(path, manifestFile)); err != nil {
			continue
		}
		if source.Printable(e.Name()) != e.Name() {
			return nil, fmt.Errorf("look for bundles in %s: the name of directory %q is not from backwire", dir, e.Name())
		}
		found = append(found, path)
	}
	if _, err := os.Lstat(filepath.Join(dir, manifestFile)); err == nil || len(found) == 0 {
		return append([]string{dir}, found...), nil
	}
	return found, nil
}

// entriesOf lists a directory by name, which begins with the time. One that never ends is refused.
func entriesOf(dir string) ([]fs.DirEntry, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(maxMediumNames + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(entries) > maxMediumNames {
		return nil, fmt.Errorf("%s contains more than %d files", dir, maxMediumNames)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// Open reads all of a bundle and refuses it where anything is missing, truncated or changed, or, with a trusted key, where its
// signature is not of that key. Nothing is sent yet. It ends when ctx does.
func (m *Medium) Open(ctx context.Context, dir string, progress func(done, total int64)) (*Bundle, error) {
	b := &Bundle{path: dir}
	if err := b.open(ctx, m, progress); err != nil {
		return nil, fmt.Errorf("bundle %s is refused; nothing is sent: %w", dir, err)
	}
	m.bundles = append(m.bundles, &b.Manifest)
	return b, nil
}

// admit makes room for one more bundle.
func (m *Medium) admit(bundle *Manifest, size int) error {
	m.segments += len(bundle.Files)
	m.bytes += bundle.Bytes()
	m.manifests += int64(size)
	if m.segments > maxMediumSegments || m.bytes > maxMediumBytes || m.manifests > maxMediumManifests {
		return errMediumFull
	}
	return nil
}
