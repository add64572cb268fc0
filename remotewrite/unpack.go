package remotewrite

import (
	"errors"
	"fmt"
	"math"

	"github.com/golang/snappy"

	"backwire/source"
)

// The record's version, and what kinds of block there are.
const (
	recordVersion = 2 // the first had no times in its heads
	oldestVersion = 1

	blockHeadOld = 1
	blockCycle   = 2
	blockHead    = 3

	blockPacked = 0x80 // beside the kind: what follows is one snappy block
)

// Flags of a batch.
const (
	batchPartial   = 1 << iota
	batchSilent    // its values count, but are not to be delivered
	batchExemplars // has some
	batchFlags     // the first value that no combination reaches
)

// errVersion says that a record was written by a program newer than this one.
var errVersion = errors.New("unknown record version")

// snappyRatio is more than snappy can pack: a copy of 64 bytes takes 3.
const snappyRatio = 22

// split returns the two blocks of a record: that of the record before it, which is empty in
// a queue's first, and its own. A block's first byte is its kind.
func split(record []byte) (echo, block []byte, err error) {
	if len(record) == 0 {
		return nil, nil, fmt.Errorf("%w: empty", errMalformed)
	}
	if record[0] < oldestVersion || record[0] > recordVersion {
		return nil, nil, fmt.Errorf("%w: %d, this program knows %d to %d", errVersion, record[0], oldestVersion, recordVersion)
	}
	s := scanner{block: record[1:]}
	echo = s.text()
	if s.left() == 0 {
		s.fail("no block")
	}
	return echo, s.block[s.at:], s.err
}

func isHead(block []byte) bool {
	return len(block) > 0 && (block[0]&^blockPacked == blockHead || block[0]&^blockPacked == blockHeadOld)
}

// unpacker applies blocks, one after the other, to its image.
type unpacker struct {
	*image
	state bool // whether the sites' state is wanted

	room  room
	taken int // bytes of the segment's records that were read

	inflated               []byte
	added, ended, replaced refSet // of the batch being read
}

// apply reads one block and puts its points into w, which may be nil.
func (u *unpacker) apply(block []byte, w *window) error {
	if len(block) == 0 {
		return fmt.Errorf("%w: empty block", errMalformed)
	}
	body := block[1:]
	if isHead(block) {
		u.taken = 0
	}
	u.taken += len(block)
	if block[0]&blockPacked != 0 {
		var err error
		if body, err = u.inflate(body); err != nil {
			return err
		}
	}
	s := &scanner{block: body}
	switch block[0] &^ blockPacked {
	case blockHead, blockHeadOld:
		u.head(s, block[0]&^blockPacked == blockHead)
		u.inflated = nil // it is a hundred times a cycle
	case blockCycle:
		u.cycle(s, w)
	default:
		s.fail("unknown kind of block")
	}
	if s.err == nil && s.left() > 0 {
		s.fail("bytes left over")
	}
	return s.err
}

func (u *unpacker) inflate(packed []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(packed)
	if err != nil || n > snappyRatio*len(packed) {
		return nil, fmt.Errorf("%w: impossible packed length", errMalformed)
	}
	if u.room.base > 0 && n > u.room.base+u.room.factor*u.taken {
		return nil, fmt.Errorf("%w: %d bytes that %d are packed of", errOversized, len(packed), n)
	}
	if cap(u.inflated) < n {
		u.inflated = make([]byte, n)
	}
	body, err := snappy.Decode(u.inflated[:n], packed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return body, nil
}

// head starts a segment: everything that was known before is forgotten.
func (u *unpacker) head(s *scanner, timed bool) {
	*u.image = *newImage()
	u.allow()
	u.ahead(s)
	u.dict.extend(s)
	u.values = make([]uint64, len(u.dict.series))
	u.owners = make([]uint32, len(u.dict.series))
	if u.state {
		u.times = make([]int64, len(u.dict.series))
	}
	next := 0
	for range s.count(5) {
		u.site(s)
		if s.err != nil {
			return
		}
		next = u.headSite(s, next, timed)
	}
	if next != len(u.dict.series) {
		s.fail("series without a site")
	}
	u.had.Series = uint64(len(u.dict.series))
}

// site reads a site's name and adds the site.
func (u *unpacker) site(s *scanner) {
	if u.allow(); !u.dict.fits(s, siteSize) {
		return
	}
	site := &siteImage{name: string(s.text())}
	if u.state {
		site.state = make(map[string][]byte)
	}
	u.sites = append(u.sites, site)
}

// headSite reads the site that was added last. Its series are those from first on; the
// first of the next site is returned.
func (u *unpacker) headSite(s *scanner, first int, timed bool) int {
	site := u.sites[len(u.sites)-1]
	site.t = s.varint()
	end := first + s.count(1)
	if end > len(u.dict.series) {
		s.fail("more values than series")
		return first
	}
	for ref := first; ref < end; ref++ {
		u.values[ref] = s.value(0)
		u.owners[ref] = uint32(len(u.sites) - 1)
	}
	site.present = s.set(site.present, len(u.dict.series))
	u.readTimes(s, site, first, end, timed)
	u.changes(s, site)
	return end
}

// readTimes reads when the series from first to end had their newest samples. Where a head does not say it, they are not newer than
// the site.
func (u *unpacker) readTimes(s *scanner, site *siteImage, first, end int, timed bool) {
	if u.state {
		for ref := first; ref < end; ref++ {
			u.times[ref] = site.t
		}
	}
	if !timed {
		site.ended[0] = site.t
		return
	}
	for i := range site.ended {
		site.ended[i] = site.t - s.varint()
	}
	u.ended = s.set(u.ended, len(u.dict.series))
	for ref := range u.ended.all() {
		if t := site.t - s.varint(); u.state {
			u.times[ref] = t
		}
	}
}

func (u *unpacker) cycle(s *scanner, w *window) {
	for range s.count(1) {
		u.site(s)
	}
	at := s.index(len(u.sites))
	if s.err != nil {
		return
	}
	site := u.sites[at]
	u.allow()
	u.dict.extend(s)
	known := len(u.owners)
	if u.state {
		u.times = grown(u.times, len(u.dict.series))
	}
	u.values, u.owners = grown(u.values, len(u.dict.series)), grown(u.owners, len(u.dict.series))
	for ref := known; ref < len(u.owners); ref++ {
		u.owners[ref] = at
	}
	u.had.Series = uint64(len(u.dict.series))
	u.had.Records++
	if w != nil {
		w.follow(u.image)
	}
	for range s.count(3) {
		u.batch(s, int(at), w)
	}
	u.changes(s, site)
}

func (u *unpacker) batch(s *scanner, at int, w *window) {
	site := u.sites[at]
	flags := s.uint8()
	if flags >= batchFlags {
		s.fail("unknown flags of a batch")
	}
	t := site.t + s.varint()
	length := len(u.dict.series)
	u.ended, u.replaced = u.ended[:0], u.replaced[:0]
	if flags&batchSilent == 0 {
		u.added = s.set(u.added, length)
		if flags&batchPartial == 0 {
			u.ended = s.set(u.ended, length)
			u.replaced = s.set(u.replaced, length)
		}
	}
	u.changed(s, at, flags&batchSilent != 0, w)
	if s.err != nil {
		return
	}
	site.t = max(site.t, t)
	if flags&batchSilent == 0 {
		u.deliver(at, t, flags&batchPartial != 0, w)
	} else {
		w = nil
	}
	if flags&batchExemplars != 0 {
		u.exemplars(s, t, w)
	}
	u.held(s, w)
}

// changed reads the values that are not what they were.
func (u *unpacker) changed(s *scanner, at int, silent bool, w *window) {
	ref, from := uint64(0), uint32(0)
	if w != nil {
		from = w.timeline.changes
	}
	for range s.count(1) {
		gap := s.uvarint()
		ref += gap >> 1
		if ref >= uint64(len(u.values)) {
			s.fail("value of an unknown series")
			return
		}
		v := u.values[ref]
		if gap&1 != 0 {
			v = s.stepped(v, 1)
		} else {
			v = s.value(v)
		}
		u.values[ref] = v
		if silent {
			u.loosen(u.sites[at], uint32(ref))
		}
		if w != nil {
			w.timeline.change(uint32(ref), v)
		}
		ref++
	}
	if w != nil {
		w.timeline.list(at, from)
	}
}

// deliver settles who is present and puts the batch into w.
func (u *unpacker) deliver(at int, t int64, partial bool, w *window) {
	site := u.sites[at]
	site.present = site.present.grown(len(u.dict.series))
	site.present.unite(u.added)
	site.present.subtract(u.ended)
	site.present.subtract(u.replaced)
	current := site.present
	if partial {
		current = u.added
	} else {
		u.settle(site)
	}
	samples := current.len() + u.ended.len()
	u.had.count(t, samples)
	if u.state {
		u.timed(current, t)
		u.timed(u.ended, t)
	}
	if w == nil || samples == 0 {
		return
	}
	w.timeline.renew(at, u.added, u.values)
	w.add(at, t, current, u.ended)
}

func (u *unpacker) timed(series refSet, t int64) {
	for ref := range series.all() {
		u.times[ref] = t
	}
}

// exemplars reads those of the batch at t.
func (u *unpacker) exemplars(s *scanner, t int64, w *window) {
	for range s.count(4) {
		ref := s.index(len(u.dict.series))
		e := exemplar{T: t + s.varint(), V: math.Float64frombits(s.value(0))}
		labels := s.count(2)
		if u.room.labels > 0 && labels > u.room.labels {
			s.oversize("too many labels")
			return
		}
		if w != nil {
			e.Labels = make([]source.Label, 0, labels)
		}
		for range labels {
			name := s.index(u.dict.symbols.len())
			value := s.text()
			if s.err != nil {
				return
			}
			if w != nil {
				e.Labels = append(e.Labels, source.Label{Name: u.dict.symbol(name), Value: string(value)})
			}
		}
		if w != nil && s.err == nil {
			w.addExemplar(ref, e)
			u.held(s, w)
		}
	}
}

// changes reads what became of a site's state, each value as its change against the one
// before: a ledger's bitmap differs in a few bytes.
func (u *unpacker) changes(s *scanner, site *siteImage) {
	for range s.count(2) {
		key := s.text()
		form := s.uvarint()
		if form == 0 { // deleted
			delete(site.state, string(key))
			continue
		}
		front, back, middle := form-1, s.uvarint(), s.text()
		if s.err != nil || site.state == nil {
			continue
		}
		before := site.state[string(key)]
		if front > uint64(len(before)) || back > uint64(len(before))-front {
			s.fail("state shares more than there was")
			return
		}
		site.state[string(key)] = spliced(before, front, back, middle)
	}
}

// spliced keeps the given number of bytes at the front and the back of before and puts
// middle between them.
func spliced(before []byte, front, back uint64, middle []byte) []byte {
	value := make([]byte, 0, front+back+uint64(len(middle)))
	value = append(value, before[:front]...)
	value = append(value, middle...)
	return append(value, before[uint64(len(before))-back:]...)
}

// ahead reads what a head says of what was written before its segment.
func (u *unpacker) ahead(s *scanner) {
	u.before = Totals{Records: s.uvarint(), Samples: s.uvarint()}
	u.past.Segment = s.uvarint()
	u.past.Totals = Totals{Records: s.uvarint(), Samples: s.uvarint()}
	u.past.Series = s.uvarint()
	u.past.Oldest = s.varint()
	u.past.Newest = u.past.Oldest + s.varint()
}
