package ledger

import (
	"encoding/binary"
	"fmt"

	"backwire/source"
)

// Mark is how far the ledger has come: the state's key "ledger".
type Mark struct {
	Birth     Birth
	Watermark int64 // server's clock: what was updated before it was read; 0 before the first time
	ReadAt    int64 // agent's clock: when the last complete reading began; 0 before the first
	Filled    int64 // agent's clock: last point that has counters; 0 before the first
	Newest    int64 // agent's clock: latest batch of any kind
}

const (
	// markKey is where the state of a site has the mark.
	markKey       = "ledger"
	ledgerVersion = 2
)

// numbers are what the state's key "ledger" holds, in their order. Times of the server's clock but the
// first are written as distances from the watermark, which are short.
func (m *Mark) numbers(clock *Clock, c *Counted) (times, others []*int64) {
	return []*int64{&m.Birth.At, &m.Birth.born, &m.ReadAt, &m.Filled, &m.Newest, &c.floor, &c.latest, &c.Since, &c.start},
		[]*int64{&clock.Skew, &m.Birth.skew, &c.First, &c.Top, &c.alone}
}

// encode is the state's key "ledger": version, then signed varints.
func (m *Mark) encode(clock *Clock, c *Counted) []byte {
	b := binary.AppendVarint([]byte{ledgerVersion}, m.Watermark)
	times, others := m.numbers(clock, c)
	for _, t := range times {
		if *t == 0 {
			b = binary.AppendVarint(b, 0)
			continue
		}
		d := m.Watermark - *t
		if d >= 0 {
			d++ // 0 is none
		}
		b = binary.AppendVarint(b, d)
	}
	for _, n := range others {
		b = binary.AppendVarint(b, *n)
	}
	return b
}

// decode takes it back; backfill is how far before the birth events count, in ms, which the first version does not tell.
func (m *Mark) decode(b []byte, clock *Clock, c *Counted, backfill int64) error {
	if len(b) == 0 || b[0] < 1 || b[0] > ledgerVersion {
		return fmt.Errorf("state key %q has an unknown version", markKey)
	}
	version := b[0]
	var numbers []int64
	r := source.ReadState(b[1:])
	for r.More() {
		numbers = append(numbers, r.Varint())
	}
	if r.Short() {
		return fmt.Errorf("state key %q: %w", markKey, errCutShort)
	}
	if version == 1 {
		return m.adoptFirst(numbers, c, backfill)
	}
	times, others := m.numbers(clock, c)
	if len(numbers) != 1+len(times)+len(others) {
		return fmt.Errorf("state key %q has %d numbers", markKey, len(numbers))
	}
	m.Watermark = numbers[0]
	for i, t := range times {
		switch d := numbers[1+i]; {
		case d > 0:
			*t = m.Watermark - (d - 1)
		case d < 0:
			*t = m.Watermark - d
		}
	}
	for i, n := range others {
		*n = numbers[1+len(times)+i]
	}
	return nil
}

// adoptFirst reads the first version: the mark, and one or two lives of the whole database.
func (m *Mark) adoptFirst(n []int64, c *Counted, backfill int64) error {
	if len(n) != 11 && len(n) != 17 {
		return fmt.Errorf("state key %q has %d numbers", markKey, len(n))
	}
	*m = Mark{Watermark: n[0], ReadAt: n[0] - n[2], Filled: n[3], Newest: n[3] + n[4]}
	m.Birth.At = n[0] - n[1]
	m.Birth.born, m.Birth.skew = m.Birth.At+backfill, unknownSkew
	c.Top, c.latest, c.floor = n[6], n[0]-n[7], n[10]
	c.start = c.latest
	now := oldSet{number: n[5], last: c.latest, ended: n[0] - n[8]}
	if len(n) > 11 {
		c.Since, now.first = n[12]+1, n[12]+1
		c.floor = max(c.floor, n[16])
		c.old = append(c.old, oldSet{number: n[11], last: n[12], ended: n[14]})
	}
	c.old = append(c.old, now)
	return nil
}
