package record

import (
	"encoding/binary"
	"maps"
	"slices"
)

// Roll returns the first record of a segment: everything that must be kept, in an order that puts similar series next to
// each other. Series that ended some time ago are left out; a durable one that has just ended has the stale marker's value.
func (p *Packer) Roll() []byte { return p.RollWith(nil) }

// RollWith is Roll with other names for some sites. Their state continues, their series end. If the new name is empty, the
// state ends too.
func (p *Packer) RollWith(names map[string]string) []byte {
	old := p.Image
	p.names.succeed()
	kept := slices.DeleteFunc(p.names.kept(), func(ref uint32) bool {
		_, changed := names[old.sites[old.owners[ref]].name]
		return changed
	})
	p.Image = NewImage()
	p.Before, p.Past = old.Before, old.Past
	if old.Had.Segment != 0 { // it did get into the log
		p.Before, p.Past = old.Before.Plus(old.Had.Totals), old.Had
	}
	places := p.resite(old.sites, names)
	references := make([]uint32, len(old.Values)) // by old reference: the new one and one
	p.Dict = translate(old.Dict, kept)
	p.times = make([]int64, 0, len(kept))
	for _, ref := range kept {
		v := old.Values[ref]
		if old.durable(ref) && !old.remembers(ref) {
			v = StaleBits
		}
		p.Values, p.owners = append(p.Values, v), append(p.owners, uint32(places[old.owners[ref]]))
		p.times = append(p.times, old.times[ref])
		references[ref] = uint32(len(p.Values))
	}
	p.names = newNames(p.Image)
	for at, place := range places {
		if place >= 0 {
			p.sites[place].present = old.sites[at].present.renumbered(references, len(p.Values))
			p.followers[place].renumber(references)
		}
	}
	for ref, t := range old.times {
		if place := places[old.owners[ref]]; references[ref] == 0 && place >= 0 {
			ended := p.sites[place].ended.of(old.durable(uint32(ref)))
			*ended = max(*ended, t)
		}
	}
	p.Had.Series = uint64(len(p.Values))
	p.undo = undo{}
	return p.finish(p.headBlock())
}

// resite puts the sites into the new image, and says where each is; a site that is left out is at -1.
func (p *Packer) resite(old []*siteImage, names map[string]string) (places []int) {
	followers := p.followers
	p.followers = nil
	for at, site := range old {
		name, changed := names[site.name]
		if changed && name == "" {
			places = append(places, -1)
			continue
		}
		if !changed {
			name = site.name
		}
		places = append(places, len(p.sites))
		p.sites = append(p.sites, &siteImage{name: name, t: site.t, state: site.state, ended: site.ended})
		p.followers = append(p.followers, followers[at])
	}
	return places
}

func (p *Packer) headBlock() []byte {
	b := p.block[:0]
	b = append(b, blockHead)
	b = p.appendAhead(b)
	b = p.Dict.appendSince(b, extent{})
	b = binary.AppendUvarint(b, uint64(len(p.sites)))
	first, end := 0, 0
	for at, site := range p.sites {
		b = appendText(b, site.name)
		b = binary.AppendUvarint(b, zigzag(site.t))
		for end < len(p.owners) && p.owners[end] == uint32(at) {
			end++
		}
		b = binary.AppendUvarint(b, uint64(end-first))
		for _, v := range p.Values[first:end] {
			b = appendValue(b, 0, v)
		}
		b = appendSet(b, site.present)
		b = p.appendTimes(b, site, first, end)
		b = binary.AppendUvarint(b, uint64(len(site.state)))
		for _, key := range slices.Sorted(maps.Keys(site.state)) {
			b = appendChange(b, key, nil, site.state[key])
		}
		first = end
	}
	return b
}

// appendTimes writes the time of each series' newest sample: of most it is the site's.
func (p *Packer) appendTimes(b []byte, site *siteImage, first, end int) []byte {
	for _, t := range site.ended {
		b = binary.AppendUvarint(b, zigzag(site.t-t))
	}
	p.late = p.late.emptied(len(p.times))
	for ref := first; ref < end; ref++ {
		if p.times[ref] != site.t {
			p.late.Add(uint32(ref))
		}
	}
	b = appendSet(b, p.late)
	for ref := range p.late.All() {
		b = binary.AppendUvarint(b, zigzag(site.t-p.times[ref]))
	}
	return b
}

// appendAhead writes what was written before the image's segment.
func (im *Image) appendAhead(dst []byte) []byte {
	for _, n := range []uint64{
		im.Before.Records, im.Before.Samples,
		im.Past.Segment, im.Past.Records, im.Past.Samples, im.Past.Series,
		zigzag(im.Past.Oldest), zigzag(im.Past.Newest - im.Past.Oldest),
	} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}
