package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"backwire/remotewrite/wal"
)

// errInterrupted ends what a person has stopped.
var errInterrupted = errors.New("interrupted")

// errUnsent ends sending.
var errUnsent = fmt.Errorf("%w; run it again to send the rest", errInterrupted)

// interruptible are files that are read until ctx ends: damage or a hole of a terabyte is one long reading.
type interruptible struct {
	wal.FS
	ctx context.Context
}

// OpenFile implements wal.FS.
func (i interruptible) OpenFile(name string, flag int, perm fs.FileMode) (wal.File, error) {
	f, err := i.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return interruptibleFile{f, i.ctx}, nil
}

type interruptibleFile struct {
	wal.File
	ctx context.Context
}

// ReadAt implements io.ReaderAt.
func (f interruptibleFile) ReadAt(p []byte, off int64) (int, error) {
	if f.ctx.Err() != nil {
		return 0, errInterrupted
	}
	return f.File.ReadAt(p, off)
}

// interruptibleReader is what is read one after the other.
type interruptibleReader struct {
	io.Reader
	ctx context.Context
}

// Read implements io.Reader.
func (r interruptibleReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, errInterrupted
	}
	return r.Reader.Read(p)
}
