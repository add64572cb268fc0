package netbackup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"backwire/source"
)

// An ending is counted once, however often the server shows it. What was counted is
// remembered by job id in chunks of 512, each one key of the site's state:
//
//	counted/EPOCH/CHUNK = form, [64 bytes bitmap], {offset uvarint, try uvarint}…
//	counted/EPOCH/late  = {id uvarint, try uvarint}…
//
// The form is formFull where all 512 are counted and formBits where the bitmap follows. The
// pairs are the jobs that were counted at another try than the first: a job that ends again
// with a higher try has ended anew.
const (
	idsPerChunk = 512
	chunkBytes  = idsPerChunk / 8

	formFull = 0
	formBits = 1

	countedPrefix = "counted/"
	lateKey       = "late"

	maxChunks = 4096 // of one epoch: two million ids
	maxLate   = 4096
)

// counted is the set of the endings that were counted, in the current and the previous
// life of the server's job database.
type counted struct {
	current  *epoch
	previous *epoch // nil where the ids never started again
	since    int64  // ms of the server's clock: a job that started later belongs to current

	dirty   map[*chunk]string // chunk → key
	late    bool              // the current epoch's late ids changed
	deleted []string          // keys
}

// epoch is one life of a job database: in it an id means one job.
type epoch struct {
	number  int64
	chunks  map[int64]*chunk
	late    map[int64]int32 // id below the floor → try
	highest int64           // id
	started int64           // latest start of a counted job, ms of the server's clock
	ended   int64           // latest end of a counted job, ms of the server's clock
	floor   int64           // ids below it are forgotten, but for the late ones
	floorAt int64           // what ended up to here was counted before the floor rose
}

type chunk struct {
	bits  [idsPerChunk / 64]uint64
	count int
	tries map[int64]int32 // offset → try, where it is not the first
}

func newCounted() *counted {
	return &counted{current: newEpoch(1), since: math.MinInt64, dirty: map[*chunk]string{}}
}

func newEpoch(number int64) *epoch {
	return &epoch{number: number, chunks: map[int64]*chunk{}, late: map[int64]int32{}}
}

// uncounted and forgotten stand in for the try of a job that was not counted, and of one
// that was although its id is not remembered any more.
const (
	uncounted int32 = -1
	forgotten int32 = math.MaxInt32
)

// add counts an ending. It answers false for one that was counted before, else the
// highest try of the job that was counted earlier.
func (c *counted) add(e *ending) (before int32, ok bool) {
	p := c.epochOf(e)
	before = p.tryOf(e)
	if before >= e.try {
		return before, false
	}
	c.put(p, e.id, e.try)
	p.highest = max(p.highest, e.id)
	p.started = max(p.started, e.start)
	p.ended = max(p.ended, e.end)
	return before, true
}

// has says that the ending was counted.
func (c *counted) has(e *ending) bool { return c.epochOf(e).tryOf(e) >= e.try }

func (c *counted) epochOf(e *ending) *epoch {
	if c.previous != nil && e.start != 0 && e.start <= c.since {
		return c.previous
	}
	return c.current
}

// startsAgain says that the ending can only be explained by a job database whose ids
// started again: it began later than every counted job, and its id was counted already or
// is far below the highest.
func (c *counted) startsAgain(e *ending) bool {
	const slack = 60_000 // ms, for ids that are given out of order
	p := c.current
	if p.highest == 0 || e.start <= p.started {
		return false
	}
	if p.has(e.id) && p.tryOf(e) >= e.try {
		return true
	}
	return e.start > p.started+slack && e.id+idsPerChunk < p.highest
}

// reset begins a new epoch. The one before is kept for the jobs that belong to it.
func (c *counted) reset() {
	if c.previous != nil {
		c.forget(c.previous)
	}
	c.previous, c.since = c.current, c.current.started
	c.current = newEpoch(c.previous.number + 1)
}

func (c *counted) forget(p *epoch) {
	for n, k := range p.chunks {
		delete(c.dirty, k)
		c.deleted = append(c.deleted, p.key(n))
	}
	if len(p.late) > 0 {
		c.deleted = append(c.deleted, p.lateKey())
	}
}

func (c *counted) put(p *epoch, id int64, try int32) {
	n := chunkOf(id)
	if id < p.floor || !c.room(p, n) {
		p.remember(id, try)
		c.late = true
		return
	}
	k := p.chunks[n]
	if k == nil {
		k = &chunk{}
		p.chunks[n] = k
	}
	k.set(id-n*idsPerChunk, try)
	c.dirty[k] = p.key(n)
}

// room makes place for a chunk by dropping the oldest; it answers false where the chunk
// itself would be the oldest.
func (c *counted) room(p *epoch, n int64) bool {
	if p.chunks[n] != nil || len(p.chunks) < maxChunks {
		return true
	}
	oldest := int64(math.MaxInt64)
	for m := range p.chunks {
		oldest = min(oldest, m)
	}
	p.floorAt = p.ended
	if n < oldest {
		p.floor = oldest * idsPerChunk
		return false
	}
	p.floor = (oldest + 1) * idsPerChunk
	delete(c.dirty, p.chunks[oldest])
	delete(p.chunks, oldest)
	c.deleted = append(c.deleted, p.key(oldest))
	return true
}

func (p *epoch) has(id int64) bool {
	if _, ok := p.late[id]; ok {
		return true
	}
	k := p.chunks[chunkOf(id)]
	return k != nil && k.has(id&(idsPerChunk-1))
}

// tryOf is the try at which the job was counted.
func (p *epoch) tryOf(e *ending) int32 {
	if try, ok := p.late[e.id]; ok {
		return try
	}
	if k := p.chunks[chunkOf(e.id)]; k != nil {
		return k.try(e.id & (idsPerChunk - 1))
	}
	if e.id < p.floor && e.end <= p.floorAt {
		return forgotten
	}
	return uncounted
}

func (p *epoch) remember(id int64, try int32) {
	p.late[id] = try
	if len(p.late) <= maxLate {
		return
	}
	lowest := int64(math.MaxInt64)
	for id := range p.late {
		lowest = min(lowest, id)
	}
	delete(p.late, lowest)
}

func (p *epoch) key(n int64) string {
	return countedPrefix + strconv.FormatInt(p.number, 10) + "/" + strconv.FormatInt(n, 10)
}

func (p *epoch) lateKey() string {
	return countedPrefix + strconv.FormatInt(p.number, 10) + "/" + lateKey
}

func chunkOf(id int64) int64 { return id >> 9 }

func (k *chunk) has(offset int64) bool { return k.bits[offset>>6]&(1<<(offset&63)) != 0 }

func (k *chunk) try(offset int64) int32 {
	if !k.has(offset) {
		return uncounted
	}
	if try, ok := k.tries[offset]; ok {
		return try
	}
	return 1
}

func (k *chunk) set(offset int64, try int32) {
	if !k.has(offset) {
		k.bits[offset>>6] |= 1 << (offset & 63)
		k.count++
	}
	if try == 1 {
		delete(k.tries, offset)
		return
	}
	if k.tries == nil {
		k.tries = map[int64]int32{}
	}
	k.tries[offset] = try
}

// changes are the keys that changed since it was last asked.
func (c *counted) changes() []source.Change {
	var out []source.Change
	for _, key := range c.deleted {
		out = append(out, source.Change{Key: key})
	}
	for k, key := range c.dirty {
		out = append(out, source.Change{Key: key, Value: k.encode()})
	}
	if c.late {
		for _, p := range []*epoch{c.previous, c.current} {
			if p != nil && len(p.late) > 0 {
				out = append(out, source.Change{Key: p.lateKey(), Value: encodePairs(nil, p.late)})
			}
		}
	}
	slices.SortFunc(out, func(a, b source.Change) int { return strings.Compare(a.Key, b.Key) })
	clear(c.dirty)
	c.late, c.deleted = false, nil
	return out
}

func (k *chunk) encode() []byte {
	if k.count == idsPerChunk {
		return encodePairs([]byte{formFull}, k.tries)
	}
	b := make([]byte, 1, 1+chunkBytes+3*len(k.tries))
	b[0] = formBits
	for _, word := range k.bits {
		b = binary.LittleEndian.AppendUint64(b, word)
	}
	return encodePairs(b, k.tries)
}

func encodePairs(b []byte, pairs map[int64]int32) []byte {
	ids := make([]int64, 0, len(pairs))
	for id := range pairs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		b = binary.AppendUvarint(b, uint64(id))
		b = binary.AppendUvarint(b, uint64(pairs[id]))
	}
	return b
}

// restore takes one key of the state.
func (c *counted) restore(key string, value []byte) error {
	number, name, _ := strings.Cut(strings.TrimPrefix(key, countedPrefix), "/")
	p := c.numbered(number)
	if p == nil {
		return fmt.Errorf("restore counted jobs: key %q belongs to no epoch", key)
	}
	if name == lateKey {
		return decodePairs(p.late, value)
	}
	n, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		return fmt.Errorf("restore counted jobs: key %q: %w", key, err)
	}
	k, err := decodeChunk(value)
	if err != nil {
		return fmt.Errorf("restore counted jobs: key %q: %w", key, err)
	}
	p.chunks[n] = k
	return nil
}

func (c *counted) numbered(number string) *epoch {
	for _, p := range []*epoch{c.current, c.previous} {
		if p != nil && strconv.FormatInt(p.number, 10) == number {
			return p
		}
	}
	return nil
}

func decodeChunk(b []byte) (*chunk, error) {
	k := &chunk{tries: map[int64]int32{}}
	switch {
	case len(b) >= 1 && b[0] == formFull:
		for i := range k.bits {
			k.bits[i] = math.MaxUint64
		}
		k.count = idsPerChunk
		b = b[1:]
	case len(b) >= 1+chunkBytes && b[0] == formBits:
		b = b[1:]
		for i := range k.bits {
			k.bits[i] = binary.LittleEndian.Uint64(b[i*8:])
			k.count += bits.OnesCount64(k.bits[i])
		}
		b = b[chunkBytes:]
	default:
		return nil, fmt.Errorf("%d bytes of an unknown form", len(b))
	}
	return k, decodePairs(k.tries, b)
}

var errCutShort = errors.New("pair of id and try cut short")

func decodePairs(into map[int64]int32, b []byte) error {
	for len(b) > 0 {
		id, n := binary.Uvarint(b)
		if n <= 0 {
			return errCutShort
		}
		try, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return errCutShort
		}
		into[int64(id)] = int32(try)
		b = b[n+m:]
	}
	return nil
}
