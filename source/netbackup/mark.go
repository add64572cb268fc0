package netbackup

import (
	"encoding/binary"
	"fmt"
)

// numbers are what the state's key "ledger" holds, in their order. Times of the server's clock but the
// first are written as distances from the watermark, which are short.
func (l *ledger) numbers() (times, others []*int64) {
	c := l.counted
	return []*int64{&l.birth.birth, &l.born, &l.readAt, &l.filled, &l.newest, &c.floor, &c.latest, &c.since, &c.start},
		[]*int64{&l.skew, &l.birth.skew, &c.first, &c.top, &c.alone}
}

// encode is the state's key "ledger": version, then signed varints.
func (l *ledger) encode() []byte {
	b := binary.AppendVarint([]byte{ledgerVersion}, l.watermark)
	times, others := l.numbers()
	for _, t := range times {
		if *t == 0 {
			b = binary.AppendVarint(b, 0)
			continue
		}
		d := l.watermark - *t
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

func (l *ledger) decode(b []byte) error {
	if len(b) == 0 || b[0] < 1 || b[0] > ledgerVersion {
		return fmt.Errorf("state key %q has an unknown version", ledgerKey)
	}
	version := b[0]
	var numbers []int64
	for b = b[1:]; len(b) > 0; {
		n, size := binary.Varint(b)
		if size <= 0 {
			return fmt.Errorf("state key %q: %w", ledgerKey, errCutShort)
		}
		numbers = append(numbers, n)
		b = b[size:]
	}
	if version == 1 {
		return l.adoptFirst(numbers)
	}
	times, others := l.numbers()
	if len(numbers) != 1+len(times)+len(others) {
		return fmt.Errorf("state key %q has %d numbers", ledgerKey, len(numbers))
	}
	l.watermark = numbers[0]
	for i, t := range times {
		switch d := numbers[1+i]; {
		case d > 0:
			*t = l.watermark - (d - 1)
		case d < 0:
			*t = l.watermark - d
		}
	}
	for i, n := range others {
		*n = numbers[1+len(times)+i]
	}
	return nil
}

// adoptFirst reads the first version: the mark, and one or two lives of the whole job database.
func (l *ledger) adoptFirst(n []int64) error {
	if len(n) != 11 && len(n) != 17 {
		return fmt.Errorf("state key %q has %d numbers", ledgerKey, len(n))
	}
	l.mark = mark{watermark: n[0], readAt: n[0] - n[2], filled: n[3], newest: n[3] + n[4]}
	l.birth.birth = n[0] - n[1]
	l.born, l.birth.skew = l.birth.birth+l.backfill, unknownSkew
	c := l.counted
	c.top, c.latest, c.floor = n[6], n[0]-n[7], n[10]
	c.start = c.latest
	now := oldSet{number: n[5], last: c.latest, ended: n[0] - n[8]}
	if len(n) > 11 {
		c.since, now.first = n[12]+1, n[12]+1
		c.floor = max(c.floor, n[16])
		c.old = append(c.old, oldSet{number: n[11], last: n[12], ended: n[14]})
	}
	c.old = append(c.old, now)
	return nil
}
