package wal

import (
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"backwire/source/regular"
)

const (
	fileMode fs.FileMode = 0o600
	dirMode  fs.FileMode = 0o700
)

// FS is the one seam to the file system: a directory and what is below it.
// Names are slash-separated and relative; "." is the directory itself.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// List names the files, not the directories, directly in dir.
	List(dir string) ([]string, error)
	Mkdir(name string, perm fs.FileMode) error
	Remove(name string) error
	// SyncDir makes creations and removals in dir durable.
	SyncDir(dir string) error
}

// File is an open file. Only what Sync has confirmed is expected to survive.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error
}

// Dir is the FS of production, on a directory that cannot be escaped.
type Dir struct{ at *atomic.Pointer[os.Root] }

// NewDir returns the FS of an open root, which stays the caller's to close.
func NewDir(root *os.Root) Dir {
	d := Dir{new(atomic.Pointer[os.Root])}
	d.Move(root)
	return d
}

// Move continues in another directory. Open files stay where they are.
func (d Dir) Move(root *os.Root) { d.at.Store(root) }

func (d Dir) root() *os.Root { return d.at.Load() }

// OpenFile implements FS.
func (d Dir) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := regular.OpenIn(d.root(), name, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// List implements FS.
func (d Dir) List(dir string) ([]string, error) {
	f, err := d.root().Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Mkdir implements FS.
func (d Dir) Mkdir(name string, perm fs.FileMode) error { return d.root().Mkdir(name, perm) }

// Remove implements FS.
func (d Dir) Remove(name string) error { return d.root().Remove(name) }

// SyncDir implements FS.
func (d Dir) SyncDir(dir string) error {
	f, err := d.root().Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
