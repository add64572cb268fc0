package wal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

const lockName = "lock"

// ErrLocked is a directory that another program has locked.
var ErrLocked = errors.New("in use by another program")

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

func owner(path string) string {
	b, err := os.ReadFile(path)
	pid := strings.TrimSpace(string(b))
	if _, bad := strconv.ParseUint(pid, 10, 32); err != nil || bad != nil {
		return ""
	}
	return " (pid " + pid + ")"
}
