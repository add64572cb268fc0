package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"backwire/source"
)

// An ending is counted once, however often the server shows it. What was counted is
// remembered by id in chunks of 512, each one key of the site's state:
//
//	counted/LIFE/CHUNK = form, [64 bytes bitmap], first, last, ended varint (s), {offset uvarint, try uvarint}…
//
// The form is formFull where all 512 are counted and formBits where the bitmap follows. The
// pairs are the events that were counted at another try than the first: an event that ends again
// with a higher try has ended anew. Ids may start again, so the same 512 ids may have several
// lives: each is a range of the starts of its events, and the ranges do not overlap, so that it
// makes no difference in which order they are read.
const (
	idsPerChunk = 512
	chunkBytes  = idsPerChunk / 8

	oldFormFull = 0 // without the three times; as oldFormBits
	oldFormBits = 1
	formFull    = 2
	formBits    = 3

	countedPrefix = "counted/" // of its keys in the state
	oldLateKey    = "late"     // the ids that were counted below the oldest chunk, as pairs

	maxChunks = 4096               // two million ids
	mostKept  = 90 * 24 * 3600_000 // ms for which the ids of what ended are remembered
	maxLives  = 8                  // of a chunk, but for ids that are seen to come again
)

// Counted is the set of the endings that were counted.
type Counted struct {
	Numbering
	chunks map[int64][]*chunk // by number, the lives of each in the order of time
	size   int
	floor  int64    // what ended up to here and is in no chunk was counted, and forgotten; ms of the server's clock
	latest int64    // start of a counted event
	old    []oldSet // while a state of the first version is restored

	dirty   map[*chunk]bool
	deleted []string // keys
	grown   bool     // by a chunk, since the old ones were looked for
}

// chunk is one life of 512 ids. Times are ms of the server's clock.
type chunk struct {
	number, life int64
	bits         bitmap
	count        int
	tries        map[int64]int32 // offset → try, where it is not the first
	first, last  int64           // earliest and latest known start of its events; 0 where none is known
	ended        int64           // latest end
}

// oldSet is what the first version of the state says of one life of the server's database.
type oldSet struct{ number, first, last, ended int64 }

// NewCounted is a set without an event.
func NewCounted() *Counted {
	return &Counted{chunks: map[int64][]*chunk{}, dirty: map[*chunk]bool{}}
}

// uncounted and forgotten stand in for the try of an event that was not counted, and of one that
// was although its try or its start is not known: it is not counted again.
const (
	uncounted int32 = -1
	forgotten int32 = math.MaxInt32
)

// add counts an ending. It answers false for one that was counted before, else the
// highest try of the event that was counted earlier.
func (c *Counted) add(e *Event) (before int32, ok bool) {
	k, again := c.find(e)
	before = c.tryIn(k, again, e)
	if before >= e.Try {
		return before, false
	}
	if k == nil || again {
		if again && k.has(offsetOf(e.ID)) && k.last >= c.Since {
			c.restart(e.ID, e.Start)
		}
		k = c.begin(chunkOf(e.ID))
	}
	k.put(e)
	c.dirty[k] = true
	c.latest = max(c.latest, e.Start)
	return before, true
}

// has says that the ending was counted.
func (c *Counted) has(e *Event) bool {
	k, again := c.find(e)
	return c.tryIn(k, again, e) >= e.Try
}

// tryIn is the try at which the event was counted, in the life where it belongs.
func (c *Counted) tryIn(k *chunk, again bool, e *Event) int32 {
	switch {
	case again:
		return uncounted
	case k != nil:
		return k.try(e.ID % idsPerChunk)
	case e.End != 0 && e.End <= c.floor:
		return forgotten
	}
	return uncounted
}

// find is the life of its chunk to which the ending belongs, nil where the chunk has none. again
// says that it begins another one after that.
func (c *Counted) find(e *Event) (k *chunk, again bool) {
	lives, offset := c.chunks[chunkOf(e.ID)], offsetOf(e.ID)
	if len(lives) == 0 {
		return nil, false
	}
	newest := lives[len(lives)-1]
	for _, k := range slices.Backward(lives) {
		if k.has(offset) && (e.Start == 0 || k.try(offset) == forgotten) {
			return k, false
		}
	}
	if e.Start == 0 {
		return newest, false
	}
	i := len(lives) - 1
	for i > 0 && e.Start < lives[i].first && earlier(lives[i-1], lives[i], e) {
		i--
	}
	return lives[i], lives[i] == newest && c.startsAgain(newest, e, len(lives))
}

// earlier says of an ending that began before all of a life whether it belongs to the one before.
func earlier(before, k *chunk, e *Event) bool {
	offset := e.ID % idsPerChunk
	switch {
	case e.Start <= before.last, k.has(offset):
		return true
	case before.has(offset):
		return false
	}
	return offset > k.lowest() // ids are given in the order of time
}

// startsAgain says that only ids which started again explain the ending: it began after all that
// was counted of the newest life had ended, and its id was counted already, or is below one that was.
func (c *Counted) startsAgain(k *chunk, e *Event, lives int) bool {
	if k.last == 0 || e.Start <= k.last || e.Start <= min(k.ended, c.latest) {
		return false
	}
	offset := e.ID % idsPerChunk
	if k.has(offset) {
		return k.try(offset) >= e.Try
	}
	return e.Start > c.latest && offset < k.highest() && lives < maxLives
}

// seeOpen takes note of an open event: one whose id was counted for one that is over shows at once that the
// ids started again.
func (c *Counted) seeOpen(id, start, birth int64) {
	if k, again := c.find(&Event{ID: id, Start: start}); again && k.has(offsetOf(id)) {
		if k.last >= c.Since {
			c.restart(id, start)
		}
		k = c.begin(chunkOf(id))
		k.first, k.last = start, start
		c.dirty[k] = true
	}
	c.see(id, start, birth)
}

// begin makes a new life of a chunk, and forgets the chunk that ended first where there are too many.
func (c *Counted) begin(number int64) *chunk {
	if c.size >= maxChunks {
		c.forgetOldest()
	}
	k := &chunk{number: number, life: 1}
	if lives := c.chunks[number]; len(lives) > 0 {
		k.life = lives[len(lives)-1].life + 1
	}
	c.keep(k)
	return k
}

func (c *Counted) keep(k *chunk) {
	c.size++
	c.grown = true
	c.chunks[k.number] = append(c.chunks[k.number], k)
	slices.SortFunc(c.chunks[k.number], func(a, b *chunk) int { return int(a.life - b.life) })
}

func (c *Counted) forgetOldest() {
	var oldest *chunk
	for _, lives := range c.chunks {
		for _, k := range lives {
			if oldest == nil || k.ended < oldest.ended || (k.ended == oldest.ended && k.number < oldest.number) {
				oldest = k
			}
		}
	}
	c.forget(oldest)
}

// forgetOld lets go of the ids of what ended 90 days before now, ms: so a set is as large as its server is busy, however old it grows.
// What ended before them and is not in the set is then taken for counted. Nothing may be waited for that is so old: so it is called
// when all was read. The set's own latest start is asked too, because a clock may be wrong.
func (c *Counted) forgetOld(now int64) {
	if !c.grown {
		return
	}
	c.grown = false
	before := min(now, c.latest) - mostKept
	inUse := true // among the lives of the numbering in use only the lowest are let go: it keeps no hole
	for _, number := range slices.Sorted(maps.Keys(c.chunks)) {
		for _, k := range slices.Clone(c.chunks[number]) {
			current, old := k.last >= c.Since, k.ended < before
			if old && (inUse || !current) {
				c.forget(k)
			}
			if old && inUse && current && c.First != 0 {
				c.First = max(c.First, (number+1)*idsPerChunk)
			}
			inUse = inUse && (old || !current)
		}
	}
}

// Forgotten is the end, ms of the server's clock, up to which an ending that is not in the set is taken for counted; 0 where none is.
func (c *Counted) Forgotten() int64 { return c.floor }

func (c *Counted) forget(gone *chunk) {
	n := gone.number
	c.chunks[n] = slices.DeleteFunc(c.chunks[n], func(k *chunk) bool { return k == gone })
	if len(c.chunks[n]) == 0 {
		delete(c.chunks, n)
		if c.First != 0 && chunkOf(c.First) == n {
			c.First = (n + 1) * idsPerChunk
		}
	}
	c.size--
	c.floor = max(c.floor, gone.ended)
	delete(c.dirty, gone)
	c.deleted = append(c.deleted, gone.key())
}

// HasID says that an id was counted, in the numbering that is in use.
func (c *Counted) HasID(id int64) bool {
	for _, k := range c.chunks[chunkOf(id)] {
		if k.last >= c.Since && k.has(offsetOf(id)) {
			return true
		}
	}
	return false
}

func (k *chunk) key() string {
	return countedPrefix + strconv.FormatInt(k.life, 10) + "/" + strconv.FormatInt(k.number, 10)
}

func chunkOf(id int64) int64 { return id >> 9 }

func offsetOf(id int64) int64 { return id & (idsPerChunk - 1) }

func (k *chunk) has(offset int64) bool { return k.bits.has(offset) }

func (k *chunk) lowest() int64 {
	for i, word := range k.bits {
		if word != 0 {
			return int64(i*64 + bits.TrailingZeros64(word))
		}
	}
	return idsPerChunk
}

func (k *chunk) highest() int64 {
	for i := len(k.bits) - 1; i >= 0; i-- {
		if k.bits[i] != 0 {
			return int64(i*64 + 63 - bits.LeadingZeros64(k.bits[i]))
		}
	}
	return -1
}

func (k *chunk) try(offset int64) int32 {
	if !k.has(offset) {
		return uncounted
	}
	if try, ok := k.tries[offset]; ok {
		return try
	}
	return 1
}

func (k *chunk) put(e *Event) {
	try := e.Try
	if e.Start == 0 || e.TryUnknown {
		try = forgotten
	}
	if e.Start != 0 {
		if k.first == 0 || e.Start < k.first {
			k.first = e.Start
		}
		k.last = max(k.last, e.Start)
	}
	k.ended = max(k.ended, e.End)
	k.set(offsetOf(e.ID), try)
}

func (k *chunk) set(offset int64, try int32) {
	if !k.has(offset) {
		k.bits.set(offset)
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
func (c *Counted) changes() []source.Change {
	var out []source.Change
	for _, key := range c.deleted {
		out = append(out, source.Change{Key: key})
	}
	for k := range c.dirty {
		out = append(out, source.Change{Key: k.key(), Value: k.encode()})
	}
	slices.SortFunc(out, func(a, b source.Change) int { return strings.Compare(a.Key, b.Key) })
	clear(c.dirty)
	c.deleted = nil
	return out
}

func (k *chunk) encode() []byte {
	b := make([]byte, 1, 1+chunkBytes+20+3*len(k.tries))
	b[0] = formFull
	if k.count < idsPerChunk {
		b[0] = formBits
		for _, word := range k.bits {
			b = binary.LittleEndian.AppendUint64(b, word)
		}
	}
	const second = 1000 // of which a server's starts are, and a little more of an end does no harm
	first, last, ended := k.first/second, (k.last+second-1)/second, (k.ended+second-1)/second
	for _, n := range []int64{first, last - first, ended - last} {
		b = binary.AppendVarint(b, n)
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
func (c *Counted) restore(key string, value []byte) error {
	life, name, _ := strings.Cut(strings.TrimPrefix(key, countedPrefix), "/")
	k := &chunk{tries: map[int64]int32{}}
	var err error
	if k.life, err = strconv.ParseInt(life, 10, 64); err != nil {
		return fmt.Errorf("restore counted jobs: key %q: %w", key, err)
	}
	if name == oldLateKey {
		return c.restoreLate(key, k.life, value)
	}
	if k.number, err = strconv.ParseInt(name, 10, 64); err != nil {
		return fmt.Errorf("restore counted jobs: key %q: %w", key, err)
	}
	old, err := k.decode(value)
	if err != nil {
		return fmt.Errorf("restore counted jobs: key %q: %w", key, err)
	}
	if old && !c.date(k) {
		return fmt.Errorf("restore counted jobs: key %q belongs to no known run of job ids", key)
	}
	c.keep(k)
	return nil
}

// date gives a chunk of the first version the times of its set.
func (c *Counted) date(k *chunk) bool {
	i := slices.IndexFunc(c.old, func(o oldSet) bool { return o.number == k.life })
	if i < 0 {
		return false
	}
	k.first, k.last, k.ended = c.old[i].first, c.old[i].last, c.old[i].ended
	c.dirty[k] = true
	return true
}

func (c *Counted) restoreLate(key string, life int64, value []byte) error {
	late := map[int64]int32{}
	if err := decodePairs(late, source.ReadState(value)); err != nil {
		return fmt.Errorf("restore counted jobs: key %q: %w", key, err)
	}
	c.deleted = append(c.deleted, key)
	for id, try := range late {
		lives := c.chunks[chunkOf(id)]
		i := slices.IndexFunc(lives, func(k *chunk) bool { return k.life == life })
		if i < 0 {
			k := &chunk{number: chunkOf(id), life: life}
			if !c.date(k) {
				return fmt.Errorf("restore counted jobs: key %q belongs to no known run of job ids", key)
			}
			c.keep(k)
			lives, i = []*chunk{k}, 0
		}
		lives[i].set(offsetOf(id), try)
	}
	return nil
}

// decode reads what encode writes, and says of one of the first version that its times are missing.
func (k *chunk) decode(b []byte) (old bool, err error) {
	switch {
	case len(b) >= 1 && (b[0] == formFull || b[0] == oldFormFull):
		for i := range k.bits {
			k.bits[i] = math.MaxUint64
		}
		k.count, old, b = idsPerChunk, b[0] == oldFormFull, b[1:]
	case len(b) >= 1+chunkBytes && (b[0] == formBits || b[0] == oldFormBits):
		old, b = b[0] == oldFormBits, b[1:]
		for i := range k.bits {
			k.bits[i] = binary.LittleEndian.Uint64(b[i*8:])
			k.count += bits.OnesCount64(k.bits[i])
		}
		b = b[chunkBytes:]
	default:
		return false, fmt.Errorf("%d bytes in an unknown format", len(b))
	}
	r := source.ReadState(b)
	if !old {
		for _, into := range []*int64{&k.first, &k.last, &k.ended} {
			*into = r.Varint()
		}
		k.last += k.first
		k.ended += k.last
		k.first, k.last, k.ended = k.first*1000, k.last*1000, k.ended*1000
	}
	return old, decodePairs(k.tries, r)
}

var errCutShort = errors.New("truncated")

func decodePairs(into map[int64]int32, r *source.StateReader) error {
	for r.More() {
		id := r.Uvarint()
		into[int64(id)] = int32(r.Uvarint())
	}
	if r.Short() {
		return errCutShort
	}
	return nil
}
