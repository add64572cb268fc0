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
)

const (
	cursorDir   = "cursors"
	cursorMagic = "BWCUR\x00\x00\x01" // the last byte is the format's version
	slotSize    = 4096                // a disk sector, so that writing one slot cannot tear the other
	slotUsed    = 36
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
	next int // the slot that the next Store writes: never the one that holds last
	buf  [slotUsed]byte
}

// slot is a position with the number of the Store that wrote it.
type slot struct {
	generation uint64 // 0 if the slot is not legible
	pos        Position
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
	if err := dir.Mkdir(cursorDir, dirMode); err == nil {
		if err := dir.SyncDir("."); err != nil {
			return nil, fmt.Errorf("sync directory: %w", err)
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
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
	if size < 2*slotSize {
		if _, err := c.file.WriteAt(make([]byte, 2*slotSize-size), size); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	c.last, c.next, err = readSlots(c.file)
	if err != nil && !errors.Is(err, ErrNoPosition) && !errors.Is(err, ErrCursorDamaged) {
		return err // those two Load says, and Store mends
	}
	if err == nil {
		_, err = c.file.WriteAt(c.last.append(c.buf[:0]), int64(1-c.next)*slotSize)
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
	last, _, err := readSlots(c.file)
	if err != nil {
		return Position{}, fmt.Errorf("load cursor %q: %w", c.name, err)
	}
	return last.pos, nil
}

// Store makes p the cursor's position, durably: one write, one sync.
func (c *Cursor) Store(p Position) error {
	s := slot{generation: c.last.generation + 1, pos: p}
	if err := writeSynced(c.file, s.append(c.buf[:0]), int64(c.next)*slotSize); err != nil {
		return fmt.Errorf("store cursor %q: %w", c.name, err)
	}
	c.last, c.next = s, 1-c.next
	return nil
}

// Close closes the cursor's file.
func (c *Cursor) Close() error { return c.file.Close() }

// ReadCursor returns a cursor's position without creating or changing anything.
func ReadCursor(dir FS, name string) (Position, error) {
	if err := checkCursorName(name); err != nil {
		return Position{}, fmt.Errorf("read cursor %q: %w", name, err)
	}
	file, err := dir.OpenFile(cursorDir+"/"+name, os.O_RDONLY, 0)
	if err != nil {
		return Position{}, fmt.Errorf("read cursor %q: %w", name, err)
	}
	defer file.Close()
	last, _, err := readSlots(file)
	if err != nil {
		return Position{}, fmt.Errorf("read cursor %q: %w", name, err)
	}
	return last.pos, nil
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

func (s slot) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, cursorMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, s.generation)
	dst = binary.LittleEndian.AppendUint64(dst, s.pos.Segment)
	dst = binary.LittleEndian.AppendUint64(dst, s.pos.Offset)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

func parseSlot(b []byte) slot {
	le := binary.LittleEndian
	if string(b[:8]) != cursorMagic || le.Uint32(b[32:]) != crc32.Checksum(b[:32], castagnoli) {
		return slot{}
	}
	return slot{
		generation: le.Uint64(b[8:]),
		pos:        Position{Segment: le.Uint64(b[16:]), Offset: le.Uint64(b[24:])},
	}
}

// readSlots returns the slot that holds the position, and which slot is the other.
func readSlots(f File) (slot, int, error) {
	var slots [2]slot
	blank := true
	for i := range slots {
		b := make([]byte, slotUsed)
		n, err := f.ReadAt(b, int64(i)*slotSize)
		if err != nil && !errors.Is(err, io.EOF) && !isLasting(err) {
			return slot{}, 0, err
		}
		blank = blank && strings.Trim(string(b[:n]), "\x00") == "" && !isLasting(err)
		slots[i] = parseSlot(b)
	}
	last := 0
	if slots[1].generation > slots[0].generation {
		last = 1
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
