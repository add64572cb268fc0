package netbackup

import (
	"cmp"
	"math"
	"slices"

	"backwire/source"
	"backwire/source/overview"
)

// shelves are a site's storages while they are looked at.
type shelves struct {
	pools, units map[string]*shelf // by id, by name
	names, types map[string]string // of the pools, by id
	onPool       map[string]bool   // units whose capacity is a disk pool's
}

// shelf is one of them.
type shelf struct {
	overview.Storage
	used bool // Used says something
}

// storageOverview looks at the disk pools, and at the units that stand on none of them.
func (s *Site) storageOverview(live []source.Sample, at int64) []overview.Storage {
	v := shelves{
		map[string]*shelf{}, map[string]*shelf{}, map[string]string{}, map[string]string{}, map[string]bool{},
	}
	for _, x := range live {
		v.add(s.units, s.pools, x)
	}
	v.namePools()
	var out []overview.Storage
	show := func(id string, p *shelf) {
		if p.Capacity > 0 && p.used {
			p.foresee(s.trends.note(id, p.Name, at, p.Used))
			out = append(out, p.Storage)
		}
	}
	for id, p := range v.pools {
		show(id, p)
	}
	for name, u := range v.units {
		if !v.onPool[name] || len(v.pools) == 0 {
			show(name, u)
		}
	}
	slices.SortFunc(out, func(a, b overview.Storage) int {
		return cmp.Or(cmp.Compare(urgency(&a), urgency(&b)), cmp.Compare(b.Used/b.Capacity, a.Used/a.Capacity), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func (v *shelves) add(units *storageUnits, pools *diskPools, x source.Sample) {
	switch x.Series.Metric {
	case pools.usable.Metric:
		p := shelved(v.pools, x, "disk_pool")
		p.Capacity, p.Category = x.Value, x.Series.Label("category")
	case pools.used.Metric:
		p := shelved(v.pools, x, "disk_pool")
		p.Used, p.used = x.Value, true
	case pools.highWater.Metric:
		shelved(v.pools, x, "disk_pool").HighWater = x.Value
	case pools.up.Metric:
		shelved(v.pools, x, "disk_pool").Down = x.Value == 0
	case pools.info.Metric:
		id := x.Series.Label("disk_pool")
		v.names[id], v.types[id] = x.Series.Label("name"), x.Series.Label("server_type")
	case units.capacity.Metric:
		u := shelved(v.units, x, "storage_unit")
		u.Capacity, u.Category = x.Value, x.Series.Label("category")
	case units.used.Metric:
		u := shelved(v.units, x, "storage_unit")
		u.Used, u.used = x.Value, true
	case units.info.Metric:
		v.onPool[x.Series.Label("storage_unit")] = x.Series.Label("disk_pool") != ""
	}
}

func shelved(of map[string]*shelf, x source.Sample, label string) *shelf {
	name := x.Series.Label(label)
	if of[name] == nil {
		of[name] = &shelf{Storage: overview.Storage{Name: name, HighWater: 1}}
	}
	return of[name]
}

// namePools shows pools by their names, with the server type where several have one name.
func (v *shelves) namePools() {
	times := map[string]int{}
	for _, name := range v.names {
		times[name]++
	}
	for id, p := range v.pools {
		switch name := v.names[id]; {
		case name == "":
		case times[name] == 1:
			p.Name = name
		default:
			p.Name = name + " (" + v.types[id] + ")"
		}
	}
}

// foresee says when the storage will be as full as it may be.
func (p *shelf) foresee(t *trend) {
	p.Growth, p.Known = t.growth()
	p.FullIn, p.Fills = t.fullIn(p.Capacity*p.HighWater - p.Used)
}

// urgency is the time that is left, for sorting.
func urgency(p *overview.Storage) float64 {
	if !p.Fills {
		return math.Inf(1)
	}
	return p.FullIn.Hours()
}
