package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

const (
	cursorDir   = "cursors"
	cursorMagic = "BWCUR\x00\x00\x02" // the last byte is the format's version
	slotSize    = 4096                // a disk sector, so that writing one slot cannot tear the other
	noteOffset  = 2 * slotSize        // of the first lane; the second's follows
	noteSize    = slotSize / 2
	cursorSize  = 3 * slotSize
	slotUsed    = 52
	noteMagic   = "BWNOT\x00\x00\x01"
	noteHead    = 20 // magic, generation and length
	cursorName  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
)

var (
	// ErrNoPosition is what Load answers before the first Store.
	ErrNoPosition = errors.New("cursor has no position yet")
	// ErrCursorDamaged is a cursor of which neither slot is legible.
	ErrCursorDamaged = errors.New("cursor is damaged")
)

// Cursor is a durable position with a name. It is for one goroutine.
type Cursor struct {
	name string
	file File
	last slot
	next int // the slot that is written next: never the one that holds last
	buf  []byte
}

// Stretch is a part of the log: from a position up to another.
type Stretch struct{ From, To Position }

// MaxStretches is how many a cursor keeps.
const MaxStretches = 8

// Lane is one of the two places from which a cursor's owner goes on.
type Lane int

// The lanes: from the position on, and behind the last of the stretches.
const (
	Past Lane = iota
	Live
)

// Places is all that a cursor keeps. Everything before At has been passed on, and the stretches behind it, which are in
// order, apart from each other, and at most MaxStretches. Begun is up to where something is about to be passed on, by lane; one
// that is not behind the lane's place says that nothing is.
type Places struct {
	At     Position
	Passed []Stretch
	Begun  [2]Position
}

// Newest is the lane's place that is furthest in the log.
func (p *Places) Newest() Position {
	if n := len(p.Passed); n > 0 {
		return p.Passed[n-1].To
	}
	return p.At
}

// slot is what a cursor keeps, with the number of the write that made it durable.
type slot struct {
	generation uint64 // 0 if the slot is not legible
	places     Places
	noted      [2]uint64 // the write that began what is begun, by lane: of that a note is
	extended   bool      // it has an extension: without one it has one lane
}

// OpenCursor opens the cursor of that name, and creates it if it is new.
func OpenCursor(dir FS, name string) (*Cursor, error) {
	c, err := openCursor(dir, name)
	if err != nil {
		return nil, fmt.Errorf("open cursor %q: %w", name, err)
	}
	return c, nil
}

func openCursor(dir FS, name string) (*Cursor, error) {
	if err := checkCursorName(name); err != nil {
		return nil, err
	}
	if err := dir.Mkdir(cursorDir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := dir.SyncDir("."); err != nil { // also where an earlier life made it, and was killed before
		return nil, fmt.Errorf("sync directory: %w", err)
	}
	file, err := dir.OpenFile(cursorDir+"/"+name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	c := &Cursor{name: name, file: file}
	if err := c.settle(dir); err != nil {
		_ = file.Close()
		return nil, err
	}
	return c, nil
}

// settle gives a new cursor its full size, so that Store needs no space on a
// full disk, and makes the position durable, by writing the same bytes again: an
// earlier life may have been killed before, or failed at, its sync, and the next
// Store overwrites the slot that it believes to be the older one.
func (c *Cursor) settle(dir FS) error {
	size, err := c.file.Size()
	if err != nil {
		return err
	}
	if size < cursorSize {
		if _, err := c.file.WriteAt(make([]byte, cursorSize-size), size); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	c.last, c.next, err = readSlots(c.file)
	if err != nil && !errors.Is(err, ErrNoPosition) && !errors.Is(err, ErrCursorDamaged) {
		return err // those two Load says, and Store mends
	}
	if err == nil {
		c.buf = c.last.append(c.buf[:0])
		_, err = c.file.WriteAt(c.buf, int64(1-c.next)*slotSize)
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	if err := c.file.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if err := dir.SyncDir(cursorDir); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// Load returns the position stored last. If that slot is damaged, it is the one
// stored before.
func (c *Cursor) Load() (Position, error) {
	p, err := c.Places()
	return p.At, err
}

// Places returns all that was stored last, as Load does.
func (c *Cursor) Places() (Places, error) {
	last, _, err := readSlots(c.file)
	if err != nil {
		return Places{}, fmt.Errorf("load cursor %q: %w", c.name, err)
	}
	return last.places, nil
}

// Store makes p the cursor's position, durably: one write, one sync. Nothing is begun then, and nothing behind it passed.
func (c *Cursor) Store(p Position) error { return c.StorePlaces(Places{At: p}) }

// StorePlaces is Store of all that a cursor keeps.
func (c *Cursor) StorePlaces(p Places) error {
	if len(p.Passed) > MaxStretches {
		return fmt.Errorf("store cursor %q: %d stretches: %w", c.name, len(p.Passed), ErrTooLarge)
	}
	if err := c.write(slot{places: p}); err != nil {
		return fmt.Errorf("store cursor %q: %w", c.name, err)
	}
	return nil
}

// Begin stores durably that the records between a lane's place and until are about to be passed on, so that after a
// crash it is known which ones may have been. The places do not change.
func (c *Cursor) Begin(lane Lane, until Position) error {
	s := slot{places: c.last.places}
	s.places.Begun[lane] = until
	if err := c.write(s); err != nil {
		return fmt.Errorf("begin at cursor %q: %w", c.name, err)
	}
	return nil
}

func (c *Cursor) write(s slot) error {
	s.generation = c.last.generation + 1
	for lane, begun := range s.places.Begun {
		s.noted[lane] = s.generation
		if begun == c.last.places.Begun[lane] && begun != (Position{}) {
			s.noted[lane] = c.last.noted[lane]
		}
	}
	s.extended = s.needsExtension() || c.last.needsExtension() // or it would be taken for half a write
	c.buf = s.append(c.buf[:0])
	if err := writeSynced(c.file, c.buf, int64(c.next)*slotSize); err != nil {
		return err
	}
	c.last, c.next = s, 1-c.next
	return nil
}

// Note keeps a few bytes about what a lane has begun, until that lane's next Begin or place. They are written and not
// synced: they survive the program's end, and a power loss perhaps.
func (c *Cursor) Note(lane Lane, b []byte) error {
	if len(b) > noteSize-noteHead-4 {
		return fmt.Errorf("note %d bytes at cursor %q: %w", len(b), c.name, ErrTooLarge)
	}
	c.buf = appendNote(c.buf[:0], c.last.noted[lane], b)
	if _, err := c.file.WriteAt(c.buf, noteOffset+int64(lane)*noteSize); err != nil {
		return fmt.Errorf("note at cursor %q: %w", c.name, err)
	}
	return nil
}

// Begun is up to where a lane has begun something, and the last note about it, nil where there is none. A position
// that is not behind the lane's place says that nothing was.
func (c *Cursor) Begun(lane Lane) (until Position, note []byte) {
	b := make([]byte, noteSize)
	_, _ = c.file.ReadAt(b, noteOffset+int64(lane)*noteSize) // what cannot be read is no note
	return c.last.places.Begun[lane], parseNote(b, c.last.noted[lane])
}

// Close closes the cursor's file.
func (c *Cursor) Close() error { return c.file.Close() }

// ReadCursor returns a cursor's position without creating or changing anything.
func ReadCursor(dir FS, name string) (Position, error) {
	p, err := ReadPlaces(dir, name)
	return p.At, err
}

// ReadPlaces is ReadCursor of all that a cursor keeps.
func ReadPlaces(dir FS, name string) (Places, error) {
	if err := checkCursorName(name); err != nil {
		return Places{}, fmt.Errorf("read cursor %q: %w", name, err)
	}
	file, err := dir.OpenFile(cursorDir+"/"+name, os.O_RDONLY, 0)
	if err != nil {
		return Places{}, fmt.Errorf("read cursor %q: %w", name, err)
	}
	defer file.Close()
	last, _, err := readSlots(file)
	if err != nil {
		return Places{}, fmt.Errorf("read cursor %q: %w", name, err)
	}
	return last.places, nil
}

// Cursors names all cursors.
func Cursors(dir FS) ([]string, error) {
	names, err := dir.List(cursorDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list cursors: %w", err)
	}
	cursors := names[:0]
	for _, name := range names {
		if checkCursorName(name) == nil {
			cursors = append(cursors, name)
		}
	}
	return cursors, nil
}

// DeleteCursor forgets a cursor.
func DeleteCursor(dir FS, name string) error {
	if err := checkCursorName(name); err != nil {
		return fmt.Errorf("delete cursor %q: %w", name, err)
	}
	if err := dir.Remove(cursorDir + "/" + name); err != nil {
		return fmt.Errorf("delete cursor %q: %w", name, err)
	}
	if err := dir.SyncDir(cursorDir); err != nil {
		return fmt.Errorf("delete cursor %q: sync directory: %w", name, err)
	}
	return nil
}

func appendNote(dst []byte, generation uint64, note []byte) []byte {
	start := len(dst)
	dst = append(dst, noteMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, generation)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(note)))
	dst = append(dst, note...)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// parseNote returns a note of that generation; one of another is about something else.
func parseNote(b []byte, generation uint64) []byte {
	le := binary.LittleEndian
	if string(b[:8]) != noteMagic || le.Uint64(b[8:]) != generation {
		return nil
	}
	end := noteHead + int(le.Uint32(b[16:]))
	if end > len(b)-4 || le.Uint32(b[end:]) != crc32.Checksum(b[:end], castagnoli) {
		return nil
	}
	return b[noteHead:end]
}

// readSlots returns the slot that holds the position, and which slot is the other.
func readSlots(f File) (slot, int, error) {
	var slots [2]slot
	blank := true
	for i := range slots {
		b := make([]byte, slotMost)
		n, err := readAgain(f, b, int64(i)*slotSize)
		unreadable := errors.Is(err, syscall.EIO)
		if err != nil && !errors.Is(err, io.EOF) && !unreadable {
			return slot{}, 0, err
		}
		blank = blank && strings.Trim(string(b[:n]), "\x00") == "" && !unreadable
		slots[i] = parseSlot(b)
	}
	last := 0
	if slots[1].generation > slots[0].generation {
		last = 1
	}
	if slots[last].isHalf(&slots[1-last]) {
		last = 1 - last
	}
	switch {
	case blank:
		return slot{}, 0, ErrNoPosition
	case slots[last].generation == 0:
		return slot{}, 0, ErrCursorDamaged
	}
	return slots[last], 1 - last, nil
}

func checkCursorName(name string) error {
	if name == "" || name[0] == '.' || len(name) > 128 || strings.Trim(name, cursorName) != "" {
		return fmt.Errorf("a cursor's name is letters, digits, '-', '_' and '.': %w", fs.ErrInvalid)
	}
	return nil
}
