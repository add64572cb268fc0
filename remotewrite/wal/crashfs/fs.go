package crashfs

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"sync"
	"syscall"

	"backwire/remotewrite/wal"
)

// FS is the file system. It is safe for several goroutines.
type FS struct {
	mu      sync.Mutex
	live    map[string]*inode // by path, as a program sees it; a directory is an inode with dir set
	durable map[string]*inode // by path, as the disk is sure to hold it
	pending []entryChange     // directory changes since the last SyncDir, oldest first
	space   int64             // bytes left; negative is unlimited
	faults  []*Fault
	ops     int
	crashed bool
}

var _ wal.FS = (*FS)(nil)

// entryChange is a name's creation, or its removal if node is nil.
type entryChange struct {
	path string
	node *inode
}

// New returns an empty directory.
func New() *FS {
	return &FS{live: map[string]*inode{}, durable: map[string]*inode{}, space: -1}
}

// OpenFile implements wal.FS.
func (f *FS) OpenFile(name string, flag int, _ fs.FileMode) (wal.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	node, exists := f.live[name]
	switch {
	case f.crashed:
		return nil, pathError("open", name, ErrCrashed)
	case !exists && flag&os.O_CREATE == 0:
		return nil, pathError("open", name, fs.ErrNotExist)
	case exists && node.dir:
		return nil, pathError("open", name, syscall.EISDIR)
	case !exists && !f.isDir(path.Dir(name)):
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	if flag&(os.O_RDWR|os.O_WRONLY) != 0 {
		if o := f.strike(Open); o.err != nil {
			return nil, pathError("open", name, o.err)
		}
	}
	if !exists {
		node = &inode{}
		if err := f.enter(Create, entryChange{name, node}); err != nil {
			return nil, pathError("create", name, err)
		}
	}
	file := &file{fs: f, name: name, node: node, writable: flag&(os.O_RDWR|os.O_WRONLY) != 0}
	if flag&os.O_TRUNC != 0 && len(node.live) > 0 {
		if err := file.truncate(0); err != nil {
			return nil, err
		}
	}
	return file, nil
}

// List implements wal.FS.
func (f *FS) List(dir string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crashed {
		return nil, pathError("list", dir, ErrCrashed)
	}
	if !f.isDir(dir) {
		return nil, pathError("list", dir, fs.ErrNotExist)
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f.live)) {
		if path.Dir(name) == dir && !f.live[name].dir {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

// Mkdir implements wal.FS.
func (f *FS) Mkdir(name string, _ fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, exists := f.live[name]; exists {
		return pathError("mkdir", name, fs.ErrExist)
	}
	if err := f.enter(Mkdir, entryChange{name, &inode{dir: true}}); err != nil {
		return pathError("mkdir", name, err)
	}
	return nil
}

// Remove implements wal.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	node, exists := f.live[name]
	if !exists {
		return pathError("remove", name, fs.ErrNotExist)
	}
	if err := f.enter(Remove, entryChange{name, nil}); err != nil {
		return pathError("remove", name, err)
	}
	f.grow(-int64(len(node.live)))
	return nil
}

// SyncDir implements wal.FS.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o := f.strike(SyncDir); o.err != nil {
		return pathError("sync", dir, o.err)
	}
	f.pending = slices.DeleteFunc(f.pending, func(c entryChange) bool {
		if path.Dir(c.path) != dir {
			return false
		}
		c.apply(f.durable)
		return true
	})
	return nil
}

// Content is a file as a program sees it.
func (f *FS) Content(name string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if node := f.live[name]; node != nil {
		return slices.Clone(node.live)
	}
	return nil
}

// Put places a file on the disk, outside of every fault and count.
func (f *FS) Put(name string, content []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if dir := path.Dir(name); dir != "." {
		node := &inode{dir: true}
		f.live[dir], f.durable[dir] = node, node
	}
	node := &inode{live: slices.Clone(content), durable: slices.Clone(content)}
	f.live[name], f.durable[name] = node, node
}

// BadBlock makes the 4096 bytes at off of a file unreadable (EIO), for good.
func (f *FS) BadBlock(name string, off int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live[name].bad, f.live[name].badAt = true, off
}

// enter changes a directory, unless a fault strikes.
func (f *FS) enter(op Op, c entryChange) error {
	o := f.strike(op)
	if o.begun {
		c.apply(f.live)
		f.pending = append(f.pending, c)
	}
	return o.err
}

func (f *FS) isDir(name string) bool {
	node := f.live[name]
	return name == "." || node != nil && node.dir
}

// grow takes n bytes of the space, or as many as there are, and returns that.
func (f *FS) grow(n int64) int64 {
	if f.space < 0 {
		return n
	}
	n = min(n, f.space)
	f.space -= n
	return n
}

func (c entryChange) apply(entries map[string]*inode) {
	if c.node == nil {
		delete(entries, c.path)
		return
	}
	entries[c.path] = c.node
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
