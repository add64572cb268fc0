package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"backwire/remotewrite/wal"
)

// ErrInterrupted ends what a person has stopped.
var ErrInterrupted = errors.New("interrupted")

// ErrUnsent ends sending.
var ErrUnsent = fmt.Errorf("%w; run it again to send the rest", ErrInterrupted)

// Interruptible are files that are read until ctx ends.
func Interruptible(ctx context.Context, files wal.FS) wal.FS { return interruptible{files, ctx} }

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
		return 0, ErrInterrupted
	}
	return f.File.ReadAt(p, off)
}
