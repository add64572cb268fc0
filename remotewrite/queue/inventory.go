package queue

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"reflect"
	"syscall"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
)

// The inventory is a file with two slots, of which the older is written: magic with the version, generation (8 bytes), length (4), that
// much JSON, and a CRC-32C of all that, little endian; the rest is zeros. It has its full size from the beginning, for the day on which the
// disk is full.
const (
	inventoryFile  = "inventory"
	inventoryMagic = "BWINV\x00\x00\x01"
	inventorySlot  = 16 << 10
	inventoryHead  = 20
)

// inventory says what a queue's directory ought to hold. The log and the cursors cannot say that of themselves: a segment that
// somebody deleted is missed by nobody, and an endpoint whose cursor is gone looks like a new one. It is written when a segment begins
// or is given up, when an endpoint comes, and at the end.
type inventory struct {
	Segment   uint64                    `json:"segment"`  // the newest
	Sequence  uint64                    `json:"sequence"` // of the last record
	Written   record.Totals             `json:"written"`  // up to it, since the queue began
	Endpoints map[string]inventoryPlace `json:"endpoints"`
}

// inventoryPlace is where an endpoint was.
type inventoryPlace struct {
	At      wal.Position  `json:"at"`
	Done    record.Totals `json:"done"`              // of all that was ever written, up to there
	Removed bool          `json:"removed,omitempty"` // it was not configured any more
}

// stock is the inventory as it was written last.
type stock struct {
	inventory
	generation uint64
	damage     error // of a slot: the other may be older, or be damaged too
	failed     bool  // it could not be written, and that was said
}

// readStock reads the inventory; where there is none it is empty. Damage is no error. An agent may be writing a slot, so what seems
// damaged is read again as long as it changes.
func readStock(files wal.FS) (stock, error) {
	file, err := files.OpenFile(inventoryFile, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return stock{}, nil
	}
	if err != nil {
		return stock{}, fmt.Errorf("read inventory: %w", err)
	}
	defer file.Close()
	var s stock
	var last [2][]byte
	for range 10 {
		var slots [2][]byte
		for i := range slots {
			slots[i] = make([]byte, inventorySlot)
			n, err := file.ReadAt(slots[i], int64(i)*inventorySlot)
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EIO) {
				return stock{}, fmt.Errorf("read inventory: %w", err)
			}
			slots[i] = slots[i][:n]
		}
		s = newestStock(slots)
		if s.damage == nil || bytes.Equal(slots[0], last[0]) && bytes.Equal(slots[1], last[1]) {
			break
		}
		last = slots
	}
	return s, nil
}

// newestStock takes the newer slot. The other has to be the one that was written before, or never was.
func newestStock(slots [2][]byte) stock {
	var newest, older stock
	for i, b := range slots {
		s, ok := parseStock(b)
		switch {
		case !ok || s.generation%2 != uint64(i):
		case s.generation > newest.generation:
			newest, older = s, newest
		default:
			older = s
		}
	}
	switch unused := slots[0]; {
	case newest.generation == 0:
		newest.damage = errors.New("the inventory cannot be read, so earlier deletions from the queue are not detected; the agent writes a new inventory at its next start")
	case newest.generation == 1 && len(unused) == inventorySlot && isZero(unused):
	case older.generation == 0 || older.generation != newest.generation-1:
		newest.damage = errors.New("one of the two copies of the inventory cannot be read, so the other is used; the agent writes a new inventory at its next start")
	}
	return newest
}

func isZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// parseStock reads a slot.
func parseStock(b []byte) (s stock, ok bool) {
	le := binary.LittleEndian
	if len(b) != inventorySlot || string(b[:8]) != inventoryMagic {
		return s, false
	}
	length := le.Uint32(b[16:])
	if length > inventorySlot-inventoryHead-4 {
		return s, false
	}
	end := inventoryHead + int(length)
	if le.Uint32(b[end:]) != crc32.Checksum(b[:end], crc32.MakeTable(crc32.Castagnoli)) || !isZero(b[end+4:]) {
		return s, false
	}
	s.generation = le.Uint64(b[8:])
	return s, json.Unmarshal(b[inventoryHead:end], &s.inventory) == nil
}

// slot is what is written.
func (s *stock) slot() ([]byte, error) {
	text, err := json.Marshal(s.inventory)
	if err != nil {
		return nil, err
	}
	dst := append(make([]byte, 0, inventorySlot), inventoryMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, s.generation)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(text)))
	dst = append(dst, text...)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst, crc32.MakeTable(crc32.Castagnoli)))
	if len(dst) > inventorySlot {
		return nil, fmt.Errorf("%d bytes for %d endpoints: %w", len(dst), len(s.Endpoints), wal.ErrTooLarge)
	}
	return dst[:inventorySlot], nil
}

// write replaces the older of the two, or one that is damaged. The first erases what is there and cannot be read.
func (s *stock) write(files wal.FS) error {
	b, err := s.slot()
	if err != nil {
		return fmt.Errorf("write inventory: %w", err)
	}
	file, err := files.OpenFile(inventoryFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("write inventory: %w", err)
	}
	size, err := file.Size()
	if s.generation == 1 {
		size = 0
	}
	if err == nil && size < 2*inventorySlot {
		_, err = file.WriteAt(make([]byte, 2*inventorySlot-size), size)
	}
	if err == nil {
		_, err = file.WriteAt(b, int64(s.generation%2)*inventorySlot)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = files.SyncDir(".")
	}
	if err != nil {
		return fmt.Errorf("write inventory: %w", err)
	}
	return nil
}

// takeStock writes the inventory where something has changed or it is damaged. It needs the turn. That it fails stops nothing.
func (q *Queue) takeStock() {
	now := q.count()
	if q.stock.damage == nil && reflect.DeepEqual(now, q.stock.inventory) {
		return
	}
	next := stock{inventory: now, generation: q.stock.generation + 1}
	err := next.write(q.fs)
	if err != nil && !q.stock.failed {
		q.logger.Error("the inventory of the queue cannot be written: deletions from the queue are not detected now", "error", err)
	}
	if q.stock.failed = err != nil; err == nil {
		q.stock = next
	}
}

// count is the inventory as it is now.
func (q *Queue) count() inventory {
	extent := q.log.Extent()
	now := inventory{Segment: extent.Segment, Sequence: extent.Seq, Written: q.packer.Written(), Endpoints: make(map[string]inventoryPlace)}
	for name, at := range q.stock.Endpoints {
		at.Removed = true
		now.Endpoints[name] = at
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for name, h := range q.holders {
		if h.known {
			at, done := h.settled()
			now.Endpoints[name] = inventoryPlace{At: at, Done: done}
		} else if at, ok := q.stock.Endpoints[name]; ok {
			now.Endpoints[name] = at
		}
	}
	return now
}

// miss finds out that the log's newest segments are gone, and goes on behind them: numbers and totals are not used twice, and readers
// see what is missing.
func (q *Queue) miss() {
	had, p := q.stock.inventory, q.packer
	lost := had.Written.Minus(p.Written())
	if !q.rolling || had.Segment == 0 || lost == (record.Totals{}) {
		return
	}
	p.Before = p.Before.Plus(lost)
	q.logger.Error("the newest segments of the queue are gone: their undelivered samples are lost, and jobs may be counted again",
		"ends_at", q.log.End(), "ended_in_segment", had.Segment, "records", lost.Records, "samples", lost.Samples)
	if err := q.roll(); err != nil {
		q.logger.Error("cannot start a new segment after the missing ones", "error", err)
	}
}
