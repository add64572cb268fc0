package record

import (
	"math"
	"slices"
	"time"

	"backwire/source"
)

// Site is a site that the log knows.
type Site struct {
	Name   string
	Newest time.Time // of its last batch; the epoch if it never had one
}

// Sites are the sites.
func (im *Image) Sites() (known []Site) {
	for _, site := range im.sites {
		known = append(known, Site{site.name, time.UnixMilli(site.t)})
	}
	return known
}

// HasSite says whether there is a site of that name.
func (im *Image) HasSite(name string) bool {
	return slices.ContainsFunc(im.sites, func(s *siteImage) bool { return s.name == name })
}

// StateBytes is how many bytes the state of all sites has.
func (im *Image) StateBytes() (n int) {
	for _, site := range im.sites {
		for key, value := range site.state {
			n += len(key) + len(value)
		}
	}
	return n
}

// HasEnded says whether nothing of a site is left to end.
func (im *Image) HasEnded(name string) bool {
	return !slices.ContainsFunc(im.sites, func(s *siteImage) bool { return s.name == name && (s.present.Len() > 0 || s.t == 0) })
}

// Newest is when a site's series have a sample last, ms since the epoch.
func (p *Packer) Newest(name string) (t int64) {
	for _, site := range p.sites {
		if site.name == name {
			t = max(site.t, site.ended[0], site.ended[1])
		}
	}
	for ref, owner := range p.owners {
		if p.sites[owner].name == name {
			t = max(t, p.times[ref])
		}
	}
	return t
}

// Checkpoint is the state of a site. It is a copy, because the state continues to change.
func (p *Packer) Checkpoint(name string) source.Checkpoint {
	known := source.Checkpoint{State: make(map[string][]byte)}
	at := slices.IndexFunc(p.sites, func(s *siteImage) bool { return s.name == name })
	if at < 0 {
		return known
	}
	known.T = p.sites[at].t
	for key, value := range p.sites[at].state {
		known.State[key] = slices.Clone(value)
	}
	metrics := make(map[uint32]*source.Metric)
	for _, ref := range slices.Sorted(p.names.series.all()) {
		if p.owners[ref] == uint32(at) && p.remembers(ref) {
			known.Series = append(known.Series, source.Sample{
				Series: p.Dict.Source(ref, metrics), Value: math.Float64frombits(p.Values[ref]),
			})
		}
	}
	return known
}
