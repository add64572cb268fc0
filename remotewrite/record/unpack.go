package record

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

	blockPacked = 0x80 // added to the kind: the body is one snappy block
)

// Flags of a batch.
const (
	batchPartial   = 1 << iota
	batchSilent    // its values count, but are not to be delivered
	batchExemplars // has some
	batchFlags     // the first value that no combination reaches
)

// ErrVersion says that a record was written by a program newer than this one.
var ErrVersion = errors.New("unknown record version")

// snappyRatio is more than snappy can pack: a copy of 64 bytes takes 3.
const snappyRatio = 22

// Split returns the two blocks of a record: that of the record before it, which is empty in
// a queue's first, and its own. A block's first byte is its kind.
func Split(record []byte) (echo, block []byte, err error) {
	if len(record) == 0 {
		return nil, nil, fmt.Errorf("%w: empty", errMalformed)
	}
	if record[0] < oldestVersion || record[0] > recordVersion {
		return nil, nil, fmt.Errorf("%w: %d, this program knows %d to %d", ErrVersion, record[0], oldestVersion, recordVersion)
	}
	s := scanner{block: record[1:]}
	echo = s.text()
	if s.left() == 0 {
		s.fail("no block")
	}
	return echo, s.block[s.at:], s.err
}

// IsHead says whether a block begins a segment.
func IsHead(block []byte) bool {
	return len(block) > 0 && (block[0]&^blockPacked == blockHead || block[0]&^blockPacked == blockHeadOld)
}

// Unpacker applies blocks, one after the other, to its image.
type Unpacker struct {
	*Image
	State bool // whether the sites' state is wanted

	Room  Room
	taken int // bytes of the segment's records that were read

	inflated               []byte
	added, ended, replaced Set      // of the batch being read
	differing              []uint32 // series of the batch whose values are not what they were; kept where a sink wants them
}

// Apply reads one block and gives its batches to a sink, which may be nil.
func (u *Unpacker) Apply(block []byte, to Sink) error {
	if len(block) == 0 {
		return fmt.Errorf("%w: empty block", errMalformed)
	}
	body := block[1:]
	if IsHead(block) {
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
		u.cycle(s, to)
	default:
		s.fail("unknown kind of block")
	}
	if s.err == nil && s.left() > 0 {
		s.fail("bytes left over")
	}
	return s.err
}

func (u *Unpacker) inflate(packed []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(packed)
	if err != nil || n > snappyRatio*len(packed) {
		return nil, fmt.Errorf("%w: impossible packed length", errMalformed)
	}
	if u.Room.Base > 0 && n > u.Room.Base+u.Room.Factor*u.taken {
		return nil, fmt.Errorf("%w: %d bytes that %d are packed of", ErrOversized, len(packed), n)
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
func (u *Unpacker) head(s *scanner, timed bool) {
	*u.Image = *NewImage()
	u.allow()
	u.ahead(s)
	u.Dict.extend(s)
	u.Dict.Opened = len(u.Dict.Series)
	u.Values = make([]uint64, len(u.Dict.Series))
	u.owners = make([]uint32, len(u.Dict.Series))
	if u.State {
		u.times = make([]int64, len(u.Dict.Series))
	}
	next := 0
	for range s.count(5) {
		u.site(s)
		if s.err != nil {
			return
		}
		next = u.headSite(s, next, timed)
	}
	if next != len(u.Dict.Series) {
		s.fail("series without a site")
	}
	u.Had.Series = uint64(len(u.Dict.Series))
}

// site reads a site's name and adds the site.
func (u *Unpacker) site(s *scanner) {
	if u.allow(); !u.Dict.fits(s, siteSize) {
		return
	}
	site := &siteImage{name: string(s.text())}
	if u.State {
		site.state = make(map[string][]byte)
	}
	u.sites = append(u.sites, site)
}

// headSite reads the site that was added last. Its series are those from first on; the
// first of the next site is returned.
func (u *Unpacker) headSite(s *scanner, first int, timed bool) int {
	site := u.sites[len(u.sites)-1]
	site.t = s.varint()
	end := first + s.count(1)
	if end > len(u.Dict.Series) {
		s.fail("more values than series")
		return first
	}
	for ref := first; ref < end; ref++ {
		u.Values[ref] = s.value(0)
		u.owners[ref] = uint32(len(u.sites) - 1)
	}
	site.present = s.set(site.present, len(u.Dict.Series))
	u.readTimes(s, site, first, end, timed)
	u.changes(s, site)
	return end
}

// readTimes reads when the series from first to end had their newest samples. Where a head does not say it, they are not newer than
// the site.
func (u *Unpacker) readTimes(s *scanner, site *siteImage, first, end int, timed bool) {
	if u.State {
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
	u.ended = s.set(u.ended, len(u.Dict.Series))
	for ref := range u.ended.All() {
		if t := site.t - s.varint(); u.State {
			u.times[ref] = t
		}
	}
}

func (u *Unpacker) cycle(s *scanner, to Sink) {
	for range s.count(1) {
		u.site(s)
	}
	at := s.index(len(u.sites))
	if s.err != nil {
		return
	}
	site := u.sites[at]
	u.allow()
	u.Dict.extend(s)
	known := len(u.owners)
	if u.State {
		u.times = grown(u.times, len(u.Dict.Series))
	}
	u.Values, u.owners = grown(u.Values, len(u.Dict.Series)), grown(u.owners, len(u.Dict.Series))
	for ref := known; ref < len(u.owners); ref++ {
		u.owners[ref] = at
	}
	u.Had.Series = uint64(len(u.Dict.Series))
	u.Had.Records++
	if to != nil {
		to.Enter(u.Image)
	}
	for range s.count(3) {
		u.batch(s, int(at), to)
	}
	u.changes(s, site)
}

func (u *Unpacker) batch(s *scanner, at int, to Sink) {
	site := u.sites[at]
	flags := s.uint8()
	if flags >= batchFlags {
		s.fail("unknown flags of a batch")
	}
	t := site.t + s.varint()
	length := len(u.Dict.Series)
	u.ended, u.replaced = u.ended[:0], u.replaced[:0]
	if flags&batchSilent == 0 {
		u.added = s.set(u.added, length)
		if flags&batchPartial == 0 {
			u.ended = s.set(u.ended, length)
			u.replaced = s.set(u.replaced, length)
			u.Dict.Renewed = u.Dict.Renewed || u.ended.Len()+u.replaced.Len() > 0
		}
	}
	u.changed(s, at, flags&batchSilent != 0, to != nil)
	if s.err != nil {
		return
	}
	site.t = max(site.t, t)
	told := Batch{Site: at, T: t, Changed: u.differing, Values: u.Values}
	if flags&batchSilent == 0 {
		told.Points, told.Added, told.Ended = u.present(site, t, flags&batchPartial != 0), u.added, u.ended
	}
	u.tell(s, to, told)
	if flags&batchSilent != 0 {
		to = nil
	}
	if flags&batchExemplars != 0 {
		u.exemplars(s, t, to)
	}
}

// tell gives a batch to the sink.
func (u *Unpacker) tell(s *scanner, to Sink, b Batch) {
	if u.Room.Stopped() {
		s.fail("interrupted")
	}
	if to != nil && s.err == nil {
		s.end(to.Batch(b))
	}
}

// changed reads the values that are not what they were.
func (u *Unpacker) changed(s *scanner, at int, silent, wanted bool) {
	ref := uint64(0)
	u.differing = u.differing[:0]
	for range s.count(1) {
		gap := s.uvarint()
		ref += gap >> 1
		if ref >= uint64(len(u.Values)) {
			s.fail("value of an unknown series")
			return
		}
		v := u.Values[ref]
		if gap&1 != 0 {
			v = s.stepped(v, 1)
		} else {
			v = s.value(v)
		}
		u.Values[ref] = v
		if silent {
			u.loosen(u.sites[at], uint32(ref))
		}
		if wanted {
			u.differing = append(u.differing, uint32(ref))
		}
		ref++
	}
}

// present determines the present series after a batch, and returns the series with samples in it.
func (u *Unpacker) present(site *siteImage, t int64, partial bool) Set {
	site.present = site.present.Grown(len(u.Dict.Series))
	site.present.Unite(u.added)
	site.present.Subtract(u.ended)
	site.present.Subtract(u.replaced)
	current := site.present
	if partial {
		current = u.added
	} else {
		u.settle(site)
	}
	u.Had.count(t, current.Len()+u.ended.Len())
	if u.State {
		u.timed(current, t)
		u.timed(u.ended, t)
	}
	return current
}

func (u *Unpacker) timed(series Set, t int64) {
	for ref := range series.All() {
		u.times[ref] = t
	}
}

// exemplars reads those of the batch at t.
func (u *Unpacker) exemplars(s *scanner, t int64, to Sink) {
	for range s.count(4) {
		ref := s.index(len(u.Dict.Series))
		e := Exemplar{T: t + s.varint(), V: math.Float64frombits(s.value(0))}
		labels := s.count(2)
		if u.Room.Labels > 0 && labels > u.Room.Labels {
			s.oversize("too many labels")
			return
		}
		if to != nil {
			e.Labels = make([]source.Label, 0, labels)
		}
		for range labels {
			name := s.index(u.Dict.symbols.len())
			value := s.text()
			if s.err != nil {
				return
			}
			if to != nil {
				e.Labels = append(e.Labels, source.Label{Name: u.Dict.Symbol(name), Value: string(value)})
			}
		}
		if to != nil && s.err == nil {
			s.end(to.Exemplar(ref, e))
		}
	}
}

// changes reads what became of a site's state, each value as its change against the one
// before: a ledger's bitmap differs in a few bytes.
func (u *Unpacker) changes(s *scanner, site *siteImage) {
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
func (u *Unpacker) ahead(s *scanner) {
	u.Before = Totals{Records: s.uvarint(), Samples: s.uvarint()}
	u.Past.Segment = s.uvarint()
	u.Past.Totals = Totals{Records: s.uvarint(), Samples: s.uvarint()}
	u.Past.Series = s.uvarint()
	u.Past.Oldest = s.varint()
	u.Past.Newest = u.Past.Oldest + s.varint()
}

// grown is s with at least n elements, new ones zero.
func grown[T any](s []T, n int) []T {
	if more := n - len(s); more > 0 {
		s = append(s, make([]T, more)...)
	}
	return s
}
