// Package regular opens and reads files that other users may have created: on a medium, in a shared directory, or behind
// a path in a setting.
//
// It accepts regular files only. A FIFO would block until somebody writes, and a device may act or never end. Nothing
// here waits for another program, and no more is read than the caller allows.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrNot says that a path leads to something else than a regular file: a FIFO, a device, a socket, a directory.
var ErrNot = errors.New("not a regular file")

// ErrTooLarge says that a file has more bytes than its reader allows for.
var ErrTooLarge = errors.New("too large")

// Open opens a file for reading.
func Open(path string) (*os.File, error) {
	return open(path, func() (fs.FileInfo, error) { return os.Stat(path) },
		func(flag int) (*os.File, error) { return os.OpenFile(path, flag, 0) }, os.O_RDONLY)
}

// OpenIn opens, or makes, a file below a root as root.OpenFile does.
func OpenIn(root *os.Root, name string, flag int, perm fs.FileMode) (*os.File, error) {
	return open(name, func() (fs.FileInfo, error) { return root.Stat(name) },
		func(flag int) (*os.File, error) { return root.OpenFile(name, flag, perm) }, flag)
}

// open looks first, because to open a device may already do something, and afterwards at what was opened, because
// that may be another file by then.
func open(name string, stat func() (fs.FileInfo, error), open func(flag int) (*os.File, error), flag int) (*os.File, error) {
	if info, err := stat(); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrNot}
	}
	f, err := open(flag | syscall.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNot}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Read returns what is in a file of at most so many bytes.
func Read(path string, most int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	return readAll(f, most)
}

// ReadIn is Read below a root.
func ReadIn(root *os.Root, name string, most int64) ([]byte, error) {
	f, err := OpenIn(root, name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return readAll(f, most)
}

func readAll(f *os.File, most int64) ([]byte, error) {
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = &fs.PathError{Op: "read", Path: f.Name(), Err: fmt.Errorf("%w: larger than %s", ErrTooLarge, size(most))}
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

func size(bytes int64) string {
	if bytes%1024 == 0 {
		return fmt.Sprintf("%d KiB", bytes/1024)
	}
	return fmt.Sprintf("%d bytes", bytes)
}
