package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"backwire/remotewrite/wal"
	"backwire/source/regular"
)

// errChanged says that a medium gives other bytes than those that were compared with the manifest.
var errChanged = errors.New("it differs from what was verified: the medium was changed or is failing")

// hashedPiece is how many bytes of a segment have a hash of their own. 64 GiB then take 8 MiB of memory.
const hashedPiece = 256 << 10

// hashedFiles are a bundle's segments as they were when they were compared with the manifest: piece by piece it is known what
// they hold. They are the only way to the medium from then on: a piece that has another hash is not given to anybody. So
// nothing is copied, and nothing that was not verified is sent, whatever happens to the medium meanwhile.
type hashedFiles struct {
	dir   string
	files map[string]hashedFile
}

type hashedFile struct {
	bytes  int64
	pieces [][sha256.Size]byte
}

// hash reads a segment once, for its own hash and those of its pieces.
func (f *File) hash(ctx context.Context, root *os.Root) (hashedFile, error) {
	file, err := openUnlinked(root, f.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return hashedFile{}, fmt.Errorf("%s is missing", f.Name)
	}
	if err != nil {
		return hashedFile{}, err
	}
	defer file.Close()
	whole, hashed := sha256.New(), hashedFile{}
	for buf := make([]byte, min(hashedPiece, f.Bytes+1)); hashed.bytes <= f.Bytes; {
		if ctx.Err() != nil {
			return hashedFile{}, context.Cause(ctx)
		}
		n, err := io.ReadFull(file, buf)
		if n > 0 {
			_, _ = whole.Write(buf[:n]) // never fails
			hashed.pieces = append(hashed.pieces, sha256.Sum256(buf[:n]))
			hashed.bytes += int64(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return hashedFile{}, err
		}
	}
	switch {
	case hashed.bytes < f.Bytes:
		return hashedFile{}, fmt.Errorf("%s is truncated: it has %d of %d bytes", f.Name, hashed.bytes, f.Bytes)
	case hashed.bytes > f.Bytes:
		return hashedFile{}, fmt.Errorf("%s has more than its %d bytes", f.Name, f.Bytes)
	case hex.EncodeToString(whole.Sum(nil)) != f.SHA256:
		return hashedFile{}, fmt.Errorf("%s was changed: its SHA-256 differs from the manifest", f.Name)
	}
	return hashed, nil
}

// openUnlinked opens a file of a bundle, which has no links: what they lead to may be anybody's.
func openUnlinked(root *os.Root, name string) (*os.File, error) {
	if info, err := root.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: regular.ErrNot}
	}
	return regular.OpenIn(root, name, os.O_RDONLY, 0)
}

// OpenFile implements wal.FS. It holds no directory open in between: what is found under the name is compared anyway.
func (h *hashedFiles) OpenFile(name string, flag int, _ fs.FileMode) (wal.File, error) {
	known, listed := h.files[name]
	switch {
	case !listed:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case flag != os.O_RDONLY:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	root, err := os.OpenRoot(h.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := openUnlinked(root, name)
	if err != nil {
		return nil, err
	}
	return &verifiedFile{file: f, known: known, number: -1}, nil
}

// List implements wal.FS.
func (h *hashedFiles) List(dir string) ([]string, error) {
	if dir != "." {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	return slices.Sorted(maps.Keys(h.files)), nil
}

// Mkdir implements wal.FS: nothing is written to a bundle.
func (h *hashedFiles) Mkdir(string, fs.FileMode) error { return fs.ErrPermission }

// Remove implements wal.FS.
func (h *hashedFiles) Remove(string) error { return fs.ErrPermission }

// SyncDir implements wal.FS.
func (h *hashedFiles) SyncDir(string) error { return fs.ErrPermission }

// verifiedFile gives the pieces of a file whose hashes are known. It is for one goroutine.
type verifiedFile struct {
	file   *os.File
	known  hashedFile
	piece  []byte
	number int64 // of the piece at hand; -1 is none
}

// ReadAt implements io.ReaderAt.
func (v *verifiedFile) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		if at >= v.known.bytes {
			return n, io.EOF
		}
		if err := v.load(at / hashedPiece); err != nil {
			return n, err
		}
		n += copy(p[n:], v.piece[at%hashedPiece:])
	}
	return n, nil
}

func (v *verifiedFile) load(number int64) error {
	if v.number == number {
		return nil
	}
	v.number = -1
	if v.piece == nil {
		v.piece = make([]byte, min(hashedPiece, v.known.bytes))
	}
	start := number * hashedPiece
	v.piece = v.piece[:min(hashedPiece, v.known.bytes-start)]
	n, err := v.file.ReadAt(v.piece, start)
	if n < len(v.piece) && !errors.Is(err, io.EOF) {
		return err
	}
	if n < len(v.piece) || sha256.Sum256(v.piece) != v.known.pieces[number] {
		return errChanged
	}
	v.number = number
	return nil
}

// Size implements wal.File.
func (v *verifiedFile) Size() (int64, error) { return v.known.bytes, nil }

// WriteAt implements wal.File: nothing is written to a bundle.
func (v *verifiedFile) WriteAt([]byte, int64) (int, error) { return 0, fs.ErrPermission }

// Truncate implements wal.File.
func (v *verifiedFile) Truncate(int64) error { return fs.ErrPermission }

// Sync implements wal.File.
func (v *verifiedFile) Sync() error { return fs.ErrPermission }

// Close implements wal.File.
func (v *verifiedFile) Close() error { return v.file.Close() }
