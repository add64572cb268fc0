// Package rejected keeps what receivers refused for good, and sends it again.
//
// The store is two files of lines in a queue's directory, bounded, which people read with what they have and several programs may write
// to. It promises that what it took is on the disk, and that a rejection leaves it only when it was taken after all or
// is the oldest. It never decides what is refused.
package rejected

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"

	"backwire/remotewrite/wal"

	"backwire/remotewrite/send"
	"backwire/source/regular"
)

// The rejected store is two files of lines, so that people can read it with what they have: the newer one is written to,
// and takes the place of the older one when it is full. A line is a checksum (CRC32C, eight hexadecimal digits), a space,
// and a rejection as JSON, or word that one was taken after all.
const (
	rejectedFile    = "rejected.jsonl"
	rejectedOlder   = "rejected.older.jsonl"
	rejectedVersion = 1
	maxRejected     = 16 << 20 // bytes of one file

	maxRejectedLine = 4 << 20                         // bytes; what is longer is written as several, and not read
	maxRejectedRead = 2*maxRejected + maxRejectedLine // bytes of one file
)

// Store keeps what receivers refused, on disk and bounded: the oldest is given up.
// Its methods are for any goroutine.
type Store struct {
	dir  string
	root *os.Root // of who has the turn
	most int64
	turn chan *rejectedLog // whoever has the log may write
}

// rejectedLog is the file that is written to.
type rejectedLog struct {
	file *os.File
	size int64
}

// Open opens the store in a queue's directory, or makes it.
func Open(dir string) (*Store, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open rejected store: %w", err)
	}
	if info, err := root.Stat("."); err != nil {
		return nil, errors.Join(fmt.Errorf("open rejected store: %w", err), root.Close())
	} else if err := wal.CheckOwner(dir, info); err != nil {
		return nil, errors.Join(fmt.Errorf("open rejected store: %w", err), root.Close())
	}
	s := &Store{dir: dir, root: root, most: maxRejected, turn: make(chan *rejectedLog, 1)}
	l, err := s.open()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open rejected store: %w", err), root.Close())
	}
	s.turn <- l
	return s, nil
}

func (s *Store) open() (*rejectedLog, error) {
	f, err := regular.OpenIn(s.root, rejectedFile, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l := &rejectedLog{f, info.Size()}
	if err := errors.Join(l.endLine(), wal.NewDir(s.root).SyncDir(".")); err != nil { // a name that is not synced is lost with all that is in it
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// endLine ends a line that a crash has cut off, so that the next one is not lost with it.
func (l *rejectedLog) endLine() error {
	if l.size == 0 {
		return nil
	}
	last := make([]byte, 1)
	if _, err := l.file.ReadAt(last, l.size-1); err != nil || last[0] == '\n' {
		return err
	}
	return l.write([]byte("\n"))
}

func (l *rejectedLog) write(b []byte) error {
	n, err := l.file.Write(b)
	l.size += int64(n)
	if err != nil {
		return err
	}
	return l.file.Sync()
}

// Reject appends a rejection and returns when it is on the disk. One that does not fit in a line becomes several.
func (s *Store) Reject(r send.Rejection) error {
	line, err := send.EncodeLine(versioned{Version: rejectedVersion, Rejection: r})
	if err != nil {
		return fmt.Errorf("keep rejected samples: %w", err)
	}
	if len(line) > maxRejectedLine {
		first, second, ok := halves(r)
		if !ok {
			return fmt.Errorf("keep rejected samples: a sample of %d bytes, more than %d", len(line), maxRejectedLine)
		}
		return errors.Join(s.Reject(first), s.Reject(second))
	}
	return s.append(line)
}

// Take says that a rejection is none any more.
func (s *Store) Take(r send.Rejection) error {
	line, err := send.EncodeLine(struct {
		Version int    `json:"v"`
		Taken   string `json:"taken"`
	}{rejectedVersion, r.ID})
	if err != nil {
		return fmt.Errorf("keep rejected samples: %w", err)
	}
	return s.append(line)
}

func (s *Store) append(line []byte) (err error) {
	l := <-s.turn
	defer func() { s.turn <- l }()
	if l, err = s.follow(l); err != nil {
		return fmt.Errorf("keep rejected samples: %w", err)
	}
	if l.size > 0 && l.size+int64(len(line)) > s.most {
		if l, err = s.replace(l); err != nil {
			return fmt.Errorf("keep rejected samples: %w", err)
		}
	}
	if err := l.write(line); err != nil {
		return fmt.Errorf("keep rejected samples: %w", errors.Join(err, l.endLine()))
	}
	return nil
}

// follow goes on with the file that is there now: another program may have replaced it, or somebody the whole
// directory. In a file without a name nobody would find anything.
func (s *Store) follow(l *rejectedLog) (*rejectedLog, error) {
	ours, err := l.file.Stat()
	if err != nil {
		return l, err
	}
	if named, err := os.Stat(filepath.Join(s.dir, rejectedFile)); err == nil && os.SameFile(ours, named) {
		l.size = ours.Size() // others write to it too
		return l, nil
	}
	next, err := Open(s.dir)
	if err != nil {
		return l, err
	}
	_ = errors.Join(l.file.Close(), s.root.Close()) // everything in them is synced
	s.root = next.root
	return <-next.turn, nil
}

// replace begins a new file. On failure it goes on with the old one.
func (s *Store) replace(l *rejectedLog) (*rejectedLog, error) {
	if err := s.root.Rename(rejectedFile, rejectedOlder); err != nil {
		return l, err
	}
	next, err := s.open()
	if err != nil {
		return l, err
	}
	return next, l.file.Close()
}

// Close waits for whoever writes.
func (s *Store) Close() error {
	return errors.Join((<-s.turn).file.Close(), s.root.Close())
}

// Read reads the store of a queue's directory, the oldest first, also while an agent writes to it. What cannot be read comes
// as an error, and what follows it comes nonetheless.
func Read(dir string) iter.Seq2[send.Rejection, error] {
	return func(yield func(send.Rejection, error) bool) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			yield(send.Rejection{}, fmt.Errorf("read rejected store: %w", err))
			return
		}
		defer func() { _ = root.Close() }() // nothing was written
		for r, err := range readRoot(root) {
			if !yield(r, err) {
				return
			}
		}
	}
}

func readRoot(root *os.Root) iter.Seq2[send.Rejection, error] {
	return func(yield func(send.Rejection, error) bool) {
		taken := map[string]bool{}
		note := func(v versioned, _ error) bool {
			taken[v.Taken] = true
			return true
		}
		stay := func(v versioned, err error) bool {
			return v.Taken != "" || err == nil && taken[v.ID] || yield(v.Rejection, err)
		}
		_ = readRejected(root, rejectedOlder, note) && readRejected(root, rejectedFile, note) &&
			readRejected(root, rejectedOlder, stay) && readRejected(root, rejectedFile, stay)
	}
}

func readRejected(root *os.Root, name string, yield func(versioned, error) bool) bool {
	f, err := regular.OpenIn(root, name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		return yield(versioned{}, fmt.Errorf("read rejected store: %w", err))
	}
	defer f.Close()
	lines := rejectedLines{Reader: bufio.NewReader(f), left: maxRejectedRead}
	for n := 1; ; n++ {
		line, size, err := lines.next()
		if size > 0 { // empty ones are of who took another's write for cut off
			r, err := parseRejected(line, size)
			if err != nil {
				err = fmt.Errorf("%s line %d: %w", name, n, err)
			}
			if !yield(r, err) {
				return false
			}
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			return yield(versioned{}, fmt.Errorf("read rejected store: %w", err))
		}
	}
}

// versioned is a rejection as it is on disk, or the id of one that was taken after all. So a store only ever grows
// at its end, and several programs may write to it.
type versioned struct {
	Version int    `json:"v"`
	Taken   string `json:"taken,omitempty"`
	send.Rejection
}

func parseRejected(line []byte, size int) (versioned, error) {
	if size > len(line) {
		return versioned{}, fmt.Errorf("skipped: it has %d bytes, more than %d", size, maxRejectedLine)
	}
	sum, b, _ := bytes.Cut(line, []byte(" "))
	if want, err := strconv.ParseUint(string(sum), 16, 32); err != nil || uint32(want) != send.LineSum(b) {
		return versioned{}, errors.New("damaged: wrong checksum")
	}
	if n := objects(b); n > 16+len(b)/minObject {
		return versioned{}, fmt.Errorf("skipped: %d objects in %d bytes; backwire did not write this", n, len(b))
	}
	var v versioned
	if err := json.Unmarshal(b, &v); err != nil {
		return versioned{}, err
	}
	if v.Version != rejectedVersion {
		return versioned{}, fmt.Errorf("version %d is not supported, only %d", v.Version, rejectedVersion)
	}
	v.ID = fmt.Sprintf("%s %d", sum, v.Time.UnixNano())
	return v, nil
}
