package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"backwire/source/regular"
)

const lockName = "lock"

// ErrLocked is a directory that another program has locked.
var ErrLocked = errors.New("in use by another program")

// ErrNotLocked is a directory that no program has locked.
var ErrNotLocked = errors.New("no program uses it")

// DirLock keeps other programs out of a log's directory until it is closed or
// the program ends.
type DirLock struct{ lock *flock.Flock }

// Lock takes the directory's lock, or says who holds it.
func Lock(dir string) (*DirLock, error) {
	path := filepath.Join(dir, lockName)
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(fileMode))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock directory %s: %w", dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("lock directory %s: %w%s", dir, ErrLocked, owner(path))
	}
	// Only for the other program's message: without it the lock holds as well.
	_ = os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), fileMode)
	return &DirLock{lock: lock}, nil
}

// Close releases the lock. The file stays: removing it would let two programs
// hold locks on two files of the same name.
func (l *DirLock) Close() error { return l.lock.Unlock() }

// Holder is the process id of the program that has locked the directory.
func Holder(dir string) (int, error) {
	path := filepath.Join(dir, lockName)
	lock := flock.New(path, flock.SetFlag(os.O_RDWR))
	free, err := lock.TryLock()
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && free:
		_ = lock.Unlock()
		return 0, fmt.Errorf("directory %s: %w", dir, ErrNotLocked)
	case err != nil:
		return 0, fmt.Errorf("look at the lock of directory %s: %w", dir, err)
	}
	return readPID(path)
}

func readPID(path string) (int, error) {
	b, err := regular.Read(path, 64)
	if err != nil {
		return 0, fmt.Errorf("read the lock's holder: %w", err)
	}
	pid, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 31)
	if err != nil || pid == 0 {
		return 0, fmt.Errorf("read the lock's holder in %s: %q is not a process id", path, b)
	}
	return int(pid), nil
}

func owner(path string) string {
	pid, err := readPID(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (pid %d)", pid)
}

// CheckOwner refuses a directory into which others can write, and one of somebody else: files of
// root in it would stop the service that it belongs to.
func CheckOwner(path string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s has mode %04o, so other users can change what is sent: run chmod 700 %s",
			path, info.Mode().Perm(), path)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d but this program runs as user %d: run it as that user, or run chown -R %d %s",
			path, stat.Uid, os.Geteuid(), os.Geteuid(), path)
	}
	return nil
}
