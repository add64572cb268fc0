package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"backwire/remotewrite/wal"
)

// directory is the queue's directory, locked against other programs. A nil one is that of a
// test, whose file system has none.
type directory struct {
	path    string
	root    *os.Root
	info    fs.FileInfo
	lock    *wal.DirLock
	mounted bool // it is a mount point
}

// Why a queue cannot be opened yet: another program has it, or its directory has to be there and is not.
var (
	ErrInUse  = wal.ErrLocked
	ErrAbsent = errors.New("it does not exist")
)

// openDirectory locks the directory. Where only it is missing it is made, unless it has to be there.
func openDirectory(path string, existing bool) (*directory, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open queue directory %s: %w", path, err)
	}
	if existing {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open queue directory %s: %w", path, ErrAbsent)
		}
	} else if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create queue directory: %w%s", err, Advice(err, filepath.Dir(path)))
	}
	d := &directory{path: path}
	err = d.open()
	if err == nil {
		err = d.take()
	}
	if err == nil {
		err = SyncParent(path) // also where an earlier run made it, and was killed before
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open queue directory: %w%s", err, Advice(err, path)), d.close())
	}
	return d, nil
}

// SyncParent makes a directory's own name durable: what is synced inside is lost with it. Who may not read the parent
// has not made it.
func SyncParent(path string) error {
	parent, err := os.Open(filepath.Dir(path))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

func (d *directory) open() (err error) {
	if info, err := os.Stat(d.path); err == nil && !info.IsDir() {
		return &fs.PathError{Op: "open", Path: d.path, Err: syscall.ENOTDIR}
	}
	if d.root, err = os.OpenRoot(d.path); err != nil {
		return err
	}
	if d.info, err = d.root.Stat("."); err != nil {
		return err
	}
	if err := wal.CheckOwner(d.path, d.info); err != nil {
		return err
	}
	d.mounted, err = IsMountPoint(d.path, d.info)
	return err
}

// take locks it.
func (d *directory) take() (err error) {
	d.lock, err = wal.Lock(d.path)
	return err
}

// successor opens and locks the directory that has taken this one's place. It has to be one for a new
// log: without segments, and not what is seen at a mount point while nothing is mounted there.
func (d *directory) successor() (*directory, error) {
	next := &directory{path: d.path}
	err := next.open()
	if err == nil && d.mounted && !next.mounted {
		err = errors.New("nothing is mounted there")
	}
	if err == nil {
		err = wantEmpty(wal.NewDir(next.root))
	}
	if err == nil {
		err = next.take()
	}
	if err != nil {
		return nil, errors.Join(err, next.close())
	}
	return next, nil
}

func wantEmpty(files wal.FS) error {
	log, _, err := wal.Open(files, wal.Options{ReadOnly: true, Others: ours})
	if err != nil {
		return err
	}
	if len(log.Segments()) > 0 {
		err = errors.New("it already contains a queue; restart the agent to use it")
	}
	return errors.Join(err, log.Close())
}

// Advice says what to do about the common causes.
func Advice(err error, path string) string {
	switch {
	case errors.Is(err, wal.ErrLocked):
		return "; only one agent can use a queue: stop the other agent, or set another directory"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "; free space on the file system of " + path + ", then the records in memory are written"
	case errors.Is(err, syscall.EROFS) && os.Getenv("INVOCATION_ID") != "": // systemd sets it for its services
		return "; the service may not write there: add ReadWritePaths=" + path + " in a drop-in, as standby.conf and stick.conf of the examples do; or the file system is mounted read-only"
	case errors.Is(err, syscall.EROFS):
		return "; the file system is mounted read-only: remount it writable, or set another directory"
	case errors.Is(err, fs.ErrNotExist):
		return "; create " + path + " or set another directory"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("; user %d needs to read, write and enter %s", os.Geteuid(), path)
	case errors.Is(err, syscall.ENOTDIR):
		return "; " + path + " must be a directory"
	}
	return ""
}

// advice says what to do about a failure to write.
func (d *directory) advice(err error) string {
	if d == nil {
		return Advice(err, "the queue")
	}
	return Advice(err, d.path)
}

// errReplaced is another directory in this one's place.
var errReplaced = errors.New("it was replaced by another directory")

// check finds out that the directory is no longer the one that was opened: what is written
// to a removed file is lost, and no write fails.
func (d *directory) check() error {
	if d == nil {
		return nil
	}
	info, err := os.Stat(d.path)
	if err == nil && !os.SameFile(info, d.info) {
		err = errReplaced
	}
	if err != nil {
		return fmt.Errorf("queue directory %s is gone: %w; restore it, or create an empty one, and the agent continues there", d.path, err)
	}
	return nil
}

func (d *directory) close() error {
	if d == nil {
		return nil
	}
	var errs []error
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	if d.root != nil {
		errs = append(errs, d.root.Close())
	}
	return errors.Join(errs...)
}

// IsMountPoint compares a directory's device with its parent's.
func IsMountPoint(dir string, info fs.FileInfo) (bool, error) {
	parent, err := os.Stat(filepath.Dir(dir))
	if err != nil {
		return false, err
	}
	own, ok1 := info.Sys().(*syscall.Stat_t)
	outer, ok2 := parent.Sys().(*syscall.Stat_t)
	return ok1 && ok2 && own.Dev != outer.Dev, nil
}
