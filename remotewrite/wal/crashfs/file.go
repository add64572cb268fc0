package crashfs

import (
	"io"
	"io/fs"
	"slices"
	"syscall"
)

// inode is a file's content, or a directory.
type inode struct {
	dir     bool
	live    []byte   // as a program sees it
	durable []byte   // as it is sure to be on the disk
	pending []change // since then, oldest first

	bad   bool // badBlock bytes at badAt cannot be read
	badAt int64
}

// badBlock is how much a disk cannot read.
const badBlock = 4096

// change is a write at off, or a truncation to off if content is nil.
type change struct {
	off     int64
	content []byte
	lost    bool // a Sync failed to write it, and no later one will
}

func (c change) apply(to []byte) []byte {
	if c.content == nil {
		return resize(to, c.off)
	}
	if end := c.off + int64(len(c.content)); end > int64(len(to)) {
		to = resize(to, end)
	}
	copy(to[c.off:], c.content)
	return to
}

func resize(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

type file struct {
	fs       *FS
	name     string
	node     *inode
	writable bool
	closed   bool
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return 0, pathError("read", f.name, fs.ErrClosed)
	}
	if o := f.fs.strike(Read); o.err != nil {
		return 0, pathError("read", f.name, o.err)
	}
	if off >= int64(len(f.node.live)) {
		return 0, io.EOF
	}
	if f.node.bad && off < f.node.badAt+badBlock && off+int64(len(b)) > f.node.badAt {
		n := copy(b, f.node.live[off:max(off, f.node.badAt)])
		return n, pathError("read", f.name, syscall.EIO)
	}
	n := copy(b, f.node.live[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.check("write"); err != nil {
		return 0, err
	}
	o := f.fs.strike(Write)
	if o.begun {
		o.written = 100
	}
	n := len(b) * o.written / 100
	if more := off + int64(n) - int64(len(f.node.live)); more > 0 && o.err == nil {
		if got := f.fs.grow(more); got < more {
			n -= int(more - got)
			o.err = syscall.ENOSPC
		}
	}
	f.node.add(change{off: off, content: append([]byte{}, b[:max(n, 0)]...)})
	if o.err != nil {
		return max(n, 0), pathError("write", f.name, o.err)
	}
	return n, nil
}

func (f *file) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.truncate(size)
}

func (f *file) truncate(size int64) error {
	if err := f.check("truncate"); err != nil {
		return err
	}
	o := f.fs.strike(Truncate)
	if o.begun {
		f.fs.grow(size - int64(len(f.node.live)))
		f.node.add(change{off: size})
	}
	if o.err != nil {
		return pathError("truncate", f.name, o.err)
	}
	return nil
}

func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.check("sync"); err != nil {
		return err
	}
	if o := f.fs.strike(Sync); o.err != nil {
		if !f.fs.crashed {
			f.node.lose()
		}
		return pathError("sync", f.name, o.err)
	}
	f.node.sync()
	return nil
}

func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.node.live)), nil
}

func (f *file) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return pathError("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	return nil
}

func (f *file) check(op string) error {
	switch {
	case f.closed:
		return pathError(op, f.name, fs.ErrClosed)
	case !f.writable:
		return pathError(op, f.name, fs.ErrPermission)
	}
	return nil
}

func (n *inode) add(c change) {
	if c.content != nil && len(c.content) == 0 {
		return
	}
	n.live = c.apply(n.live)
	n.pending = append(n.pending, c)
}

func (n *inode) sync() {
	for _, c := range n.pending {
		if !c.lost {
			n.durable = c.apply(n.durable)
		}
	}
	n.pending = nil
}

func (n *inode) lose() {
	for i := range n.pending {
		n.pending[i].lost = true
	}
}

func (n *inode) clone() *inode {
	c := *n
	c.live, c.durable = slices.Clone(n.live), slices.Clone(n.durable)
	c.pending = slices.Clone(n.pending)
	return &c
}
