package record

import (
	"encoding/binary"
	"math"
	"slices"

	"backwire/remotewrite/wal"
	"backwire/source"

	"github.com/golang/snappy"
)

// packWorth is the size from which a block is offered to snappy, in bytes.
const packWorth = 1 << 10

// plainNaN takes the place of a value that has the stale marker's bits: only an end may
// have them.
const plainNaN uint64 = 0x7ff8000000000001

// Packer writes cycles as records. What it packed is provisional until keep says that the
// log has it; revert takes it back.
type Packer struct {
	*Image
	names     *names
	followers []*follower // by site
	undo      undo

	echo              []byte // the block of the last record that was kept
	body, block       []byte
	packed            []byte
	record            []byte
	size              int      // of the last block, before it was packed
	were              []uint64 // the values when the batch began
	now               Set      // the series of the batch
	Ending            bool     // partial batches only say what the values are
	late              Set      // of them, those that have a sample as new already
	changed, replaced Set
}

// NewPacker continues after an image, which belongs to the packer from then on.
func NewPacker(im *Image) *Packer {
	p := &Packer{Image: im, names: newNames(im)}
	p.times = grown(p.times, len(p.owners))
	for ref, t := range p.times {
		latest := p.names.latest(uint32(ref))
		p.times[latest] = max(p.times[latest], t, *p.sites[p.owners[ref]].ended.of(p.durable(uint32(ref))))
	}
	for range im.sites {
		p.followers = append(p.followers, new(follower))
	}
	return p
}

// Pack returns the record of a cycle, which is valid until the next call. A silent cycle
// only says what became of values and state: its samples are not delivered.
//
// What is delivered of a series ascends in time, stale markers included, and no two have the same. So a sample of a partial
// batch is left out where its series has one as new already, and a whole batch where that is so of any of its series or of one that
// it ends, or where it is older than the site's last; how many samples these were is returned too. A partial batch may be
// older than the site's last: so comes a long history, while the gauges of the present are there already.
func (p *Packer) Pack(c source.Cycle, silent bool) (record []byte, late int) {
	p.slim()
	at, fresh := p.site(c.Site)
	p.undo.begin(p, at, fresh)
	p.body = p.body[:0]
	batches := len(c.Batches)
	for i := range c.Batches {
		n, split := p.batch(at, &c.Batches[i], silent)
		late += n
		if split {
			batches++
		}
	}
	p.Had.Records++
	p.Had.Series = uint64(len(p.Dict.Series))
	p.body = binary.AppendUvarint(p.body, uint64(len(c.Changes)))
	for _, change := range c.Changes {
		p.change(p.sites[at], change)
	}
	return p.finish(p.cycleBlock(at, fresh, batches)), late
}

// Follow continues after the last record of the log, which has this block.
func (p *Packer) Follow(block []byte) { p.echo = slices.Clone(block) } // whose buffer is as large as a head

// Keep says that the log has what was packed or rolled last.
func (p *Packer) Keep() { p.echo = append(p.echo[:0], p.block...) }

// spare is what a buffer may have for which the last block was too small, in bytes.
const spare = 64 << 10

// slim lets go of buffers that are far larger than the last block: a head is a hundred times a cycle.
func (p *Packer) slim() {
	most := 8*p.size + spare
	for _, b := range [...]*[]byte{&p.body, &p.block, &p.packed, &p.record} {
		if cap(*b) > most {
			*b = nil
		}
	}
	if cap(p.echo) > most {
		p.echo = slices.Clone(p.echo)
	}
}

// site finds or adds a site.
func (p *Packer) site(name string) (at int, fresh bool) {
	at = slices.IndexFunc(p.sites, func(s *siteImage) bool { return s.name == name })
	if at >= 0 {
		return at, false
	}
	p.sites = append(p.sites, &siteImage{name: name, state: make(map[string][]byte)})
	p.followers = append(p.followers, new(follower))
	return len(p.sites) - 1, true
}

func (p *Packer) cycleBlock(at int, fresh bool, batches int) []byte {
	b := p.block[:0]
	b = append(b, blockCycle)
	if fresh {
		b = append(b, 1)
		b = appendText(b, p.sites[at].name)
	} else {
		b = append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(at))
	b = p.Dict.appendSince(b, p.undo.extent)
	b = binary.AppendUvarint(b, uint64(batches))
	return append(b, p.body...)
}

// finish packs the block where that pays and puts the echo before it.
func (p *Packer) finish(block []byte) []byte {
	p.block, p.size = block, len(block)
	if len(block) >= packWorth {
		p.packed = slices.Grow(p.packed[:0], snappy.MaxEncodedLen(len(block)))
		packed := snappy.Encode(p.packed[:cap(p.packed)], block[1:])
		if len(packed) < len(block)-len(block)/8 {
			p.block = append(append(block[:0], block[0]|blockPacked), packed...)
		}
	}
	p.record = append(p.record[:0], recordVersion)
	if len(p.echo)+len(p.block) > wal.MaxPayload-16 {
		p.echo = p.echo[:0] // a record must fit; this one's predecessor goes without
	}
	p.record = appendText(p.record, p.echo)
	p.record = append(p.record, p.block...)
	return p.record
}

// batch says how many samples were too old to be delivered, and whether these were told apart from the others, in a
// batch of their own.
func (p *Packer) batch(at int, b *source.Batch, silent bool) (late int, split bool) {
	site := p.sites[at]
	silent = silent || p.Ending && b.Partial
	p.were = append(p.were[:0], p.Values...)
	p.gather(at, b)
	switch {
	case silent:
		p.appendBatch(site, at, b, true)
		return 0, false
	case !b.Partial && !p.follows(site, b.T):
		p.appendBatch(site, at, b, true)
		return len(b.Samples), false
	case !b.Partial:
		p.appendBatch(site, at, b, false)
		for ref := range p.changed.All() {
			p.times[p.names.latest(ref)] = b.T
		}
		p.passed(b.T)
		return 0, false
	}
	late = p.belated(b.T)
	silent = late > 0 && late == p.now.Len()
	if split = late > 0 && !silent; split {
		p.appendBatch(site, at, b, true)
		p.were = append(p.were[:0], p.Values...)
		p.now.Subtract(p.late)
	}
	p.appendBatch(site, at, b, silent)
	if !silent {
		p.passed(b.T)
	}
	return late, split
}

// gather takes the values of the batch, and which series are in it.
func (p *Packer) gather(at int, b *source.Batch) {
	p.now = p.now.emptied(len(p.Values))
	f := p.followers[at]
	f.rewind()
	for i := range b.Samples {
		series := b.Samples[i].Series
		ref, ok := f.find(series)
		if !ok {
			ref = p.series(at, series)
		}
		if !b.Partial {
			f.note(placed{series, ref})
		}
		p.now.Add(ref)
		p.Values[ref] = valueOf(b.Samples[i].Value)
	}
	if !b.Partial {
		f.end()
	}
}

// follows says whether a whole batch is newer than everything that its site and its series have, those that it ends included.
func (p *Packer) follows(site *siteImage, t int64) bool {
	if t < site.t || p.belated(t) > 0 {
		return false
	}
	p.changed = site.present.minus(p.now, p.changed)
	for ref := range p.changed.All() {
		if p.times[p.names.latest(ref)] >= t {
			return false
		}
	}
	return true
}

// belated finds the series of the batch that have a sample as new as that already.
func (p *Packer) belated(t int64) int {
	p.late = p.late.emptied(len(p.Values))
	for ref := range p.now.All() {
		if p.times[ref] >= t {
			p.late.Add(ref)
		}
	}
	return p.late.Len()
}

// passed notes that the series of the batch have a sample of that time.
func (p *Packer) passed(t int64) {
	for ref := range p.now.All() {
		p.times[ref] = t
	}
}

// Plain is what becomes of a value that the log takes: only an end may have the stale marker's bits.
func Plain(v float64) float64 { return math.Float64frombits(valueOf(v)) }

func valueOf(v float64) uint64 {
	if source.IsStale(v) {
		return plainNaN
	}
	return math.Float64bits(v)
}

// series finds a series that is not where it was last time, or defines it.
func (p *Packer) series(at int, s *source.Series) uint32 {
	metric := p.names.metric(s.Metric)
	old, known := p.names.find(at, s)
	if known && p.Dict.Series[old].Metric == metric && p.Dict.Series[old].Start == s.Start {
		return old
	}
	ref := uint32(len(p.Dict.Series))
	p.names.define(metric, s)
	p.Values, p.were = append(p.Values, 0), append(p.were, 0)
	p.owners = append(p.owners, uint32(at))
	p.times = append(p.times, *p.sites[at].ended.of(s.Metric.Durable))
	p.names.add(ref)
	p.now = p.now.Grown(len(p.Values))
	if known {
		p.times[ref] = p.times[old] // the labels are the same
		p.now.Remove(old)
		p.followers[at].forget()
	}
	return ref
}

func (p *Packer) appendBatch(site *siteImage, at int, b *source.Batch, silent bool) {
	var flags byte
	if b.Partial {
		flags |= batchPartial
	}
	if silent {
		flags |= batchSilent
	} else if len(b.Exemplars) > 0 {
		flags |= batchExemplars
	}
	p.body = append(p.body, flags)
	p.body = binary.AppendUvarint(p.body, zigzag(b.T-site.t))
	if silent {
		for ref := range p.now.All() {
			p.loosen(site, ref)
		}
		p.appendChanged(p.now)
	} else {
		p.appendPresence(site, b)
		p.appendChanged(nil)
	}
	if flags&batchExemplars != 0 {
		p.appendExemplars(at, b)
	}
	site.t = max(site.t, b.T)
}

// appendPresence writes which series came and, unless the batch is partial, which ended.
func (p *Packer) appendPresence(site *siteImage, b *source.Batch) {
	site.present = site.present.Grown(len(p.Values))
	if b.Partial {
		p.body = appendSet(p.body, p.now)
		site.present.Unite(p.now)
		p.Had.count(b.T, p.now.Len())
		return
	}
	p.changed = p.now.minus(site.present, p.changed)
	p.body = appendSet(p.body, p.changed)
	p.changed = site.present.minus(p.now, p.changed)
	p.replaced = p.superseded(p.changed, site.present)
	p.changed.Subtract(p.replaced)
	p.body = appendSet(p.body, p.changed)
	p.body = appendSet(p.body, p.replaced)
	site.present = p.now.copyTo(site.present)
	p.settle(site)
	p.Had.count(b.T, p.now.Len()+p.changed.Len())
}

// superseded picks those whose labels belong to another series, of the batch or of those that end with it: they are gone but
// it is the other one that continues or ends.
func (p *Packer) superseded(of, present Set) Set {
	set := p.replaced.emptied(len(p.Values))
	var ends map[uint32]uint32 // by the latest, which only a batch without samples has listed
	for ref := range of.All() {
		latest := p.names.latest(ref)
		switch {
		case latest == ref:
		case p.now.Has(latest), present.Has(latest):
			set.Add(ref)
		default:
			if before, ok := ends[latest]; ok {
				set.Add(before)
			} else if ends == nil {
				ends = make(map[uint32]uint32)
			}
			ends[latest] = ref
		}
	}
	return set
}

// appendChanged writes the values that are not what they were: how many series were passed
// over, with a bit for the commonest change of all, one more. Those that are named are written whatever they are: nothing else
// says that a silent batch has told of them.
func (p *Packer) appendChanged(named Set) {
	number := uint64(0)
	for ref, v := range p.Values {
		if v != p.were[ref] || named.Has(uint32(ref)) {
			number++
		}
	}
	p.body = binary.AppendUvarint(p.body, number)
	end := 0
	for ref, v := range p.Values {
		before := p.were[ref]
		if v == before && !named.Has(uint32(ref)) {
			continue
		}
		gap := uint64(ref-end) << 1
		end = ref + 1
		if isNext(before, v) {
			p.body = binary.AppendUvarint(p.body, gap|1)
			continue
		}
		p.body = binary.AppendUvarint(p.body, gap)
		p.body = appendValue(p.body, before, v)
	}
}

// isNext says whether a value is a whole number and one more than before.
func isNext(before, now uint64) bool {
	b, ok1 := integer(before)
	n, ok2 := integer(now)
	return ok1 && ok2 && n == b+1
}

// appendExemplars writes those whose series is in the batch: an exemplar without a sample
// belongs to nothing.
func (p *Packer) appendExemplars(at int, b *source.Batch) {
	known := slices.DeleteFunc(slices.Clone(b.Exemplars), func(e source.Exemplar) bool {
		ref, ok := p.names.find(at, e.Series)
		return !ok || !p.now.Has(ref)
	})
	p.body = binary.AppendUvarint(p.body, uint64(len(known)))
	for _, e := range known {
		ref, _ := p.names.find(at, e.Series)
		p.body = binary.AppendUvarint(p.body, uint64(ref))
		p.body = binary.AppendUvarint(p.body, zigzag(e.T-b.T))
		p.body = appendValue(p.body, 0, math.Float64bits(e.Value))
		p.body = binary.AppendUvarint(p.body, uint64(len(e.Labels)))
		for _, l := range e.Labels {
			p.body = binary.AppendUvarint(p.body, uint64(p.names.symbol(l.Name)))
			p.body = appendText(p.body, l.Value)
		}
	}
}

// change writes what becomes of one key of a site's state, and does it.
func (p *Packer) change(site *siteImage, c source.Change) {
	before, had := site.state[c.Key]
	p.undo.state = append(p.undo.state, stateBefore{c.Key, before, had})
	p.body = appendChange(p.body, c.Key, before, c.Value)
	if c.Value == nil {
		delete(site.state, c.Key)
		return
	}
	site.state[c.Key] = append([]byte{}, c.Value...)
}

// appendChange leaves out what a value shares with the one before it at either end.
func appendChange(dst []byte, key string, before, now []byte) []byte {
	dst = appendText(dst, key)
	if now == nil {
		return append(dst, 0)
	}
	shorter := min(len(before), len(now))
	front := 0
	for front < shorter && before[front] == now[front] {
		front++
	}
	back := 0
	for back < shorter-front && before[len(before)-1-back] == now[len(now)-1-back] {
		back++
	}
	dst = binary.AppendUvarint(dst, uint64(front)+1)
	dst = binary.AppendUvarint(dst, uint64(back))
	return appendText(dst, now[front:len(now)-back])
}
