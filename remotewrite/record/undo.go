package record

import "slices"

// undo is what it takes to forget the cycle that was packed last.
type undo struct {
	at      int // the site
	fresh   bool
	extent  extent
	values  []uint64
	times   []int64
	present Set
	settled uint32
	loose   Set
	t       int64
	had     Contents
	state   []stateBefore
}

type stateBefore struct {
	key   string
	value []byte
	had   bool
}

// begin remembers how things are.
func (u *undo) begin(p *Packer, at int, fresh bool) {
	u.at, u.fresh, u.extent, u.t, u.had = at, fresh, p.Dict.extent(), p.sites[at].t, p.Had
	u.settled, u.loose = p.sites[at].settled, p.sites[at].loose.copyTo(u.loose)
	u.values, u.times = append(u.values[:0], p.Values...), append(u.times[:0], p.times...)
	u.present = p.sites[at].present.copyTo(u.present)
	clear(u.state)
	u.state = u.state[:0]
}

// Revert takes back the cycle that was packed last.
func (p *Packer) Revert() {
	u := &p.undo
	site := p.sites[u.at]
	p.Values, p.times = append(p.Values[:0], u.values...), append(p.times[:0], u.times...)
	p.owners = p.owners[:len(p.Values)]
	if p.Dict.extent() != u.extent {
		p.Dict.cut(u.extent)
		p.names = newNames(p.Image) // a revert is rare, and a segment begins after nearly every one
	}
	site.present = u.present.copyTo(site.present)
	site.loose = u.loose.copyTo(site.loose)
	site.settled, site.t, p.Had = u.settled, u.t, u.had
	for _, s := range slices.Backward(u.state) {
		if s.had {
			site.state[s.key] = s.value
		} else {
			delete(site.state, s.key)
		}
	}
	p.followers[u.at].forget()
	if u.fresh {
		p.sites = p.sites[:u.at]
		p.followers = p.followers[:u.at]
	}
}
