package netbackup

import (
	"cmp"
	"math"
	"slices"

	"backwire/source"
)

// shelves are a site's storages while they are looked at.
type shelves struct {
	pools, units map[string]*StoragePicture
	onPool       map[string]bool // units whose capacity is a disk pool's
}

// paintStorage looks at the disk pools, and at the units that stand on none of them.
func (s *Site) paintStorage(live []source.Sample, at int64) []StoragePicture {
	v := shelves{map[string]*StoragePicture{}, map[string]*StoragePicture{}, map[string]bool{}}
	for _, x := range live {
		v.add(s.catalogue, x)
	}
	var out []StoragePicture
	for _, p := range v.pools {
		out = append(out, *p)
	}
	for name, u := range v.units {
		if !v.onPool[name] || len(v.pools) == 0 {
			out = append(out, *u)
		}
	}
	out = slices.DeleteFunc(out, func(p StoragePicture) bool { return p.Capacity <= 0 })
	for i := range out {
		out[i].foresee(s.ledger.trends.note(out[i].Name, at, out[i].Used))
	}
	slices.SortFunc(out, func(a, b StoragePicture) int {
		return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(b.Used/b.Capacity, a.Used/a.Capacity), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func (v *shelves) add(c *catalogue, x source.Sample) {
	switch x.Series.Metric {
	case c.poolUsable.Metric:
		p := shelved(v.pools, x, "disk_pool")
		p.Capacity, p.Category = x.Value, x.Series.Label("category")
	case c.poolUsed.Metric:
		shelved(v.pools, x, "disk_pool").Used = x.Value
	case c.poolHighWater.Metric:
		shelved(v.pools, x, "disk_pool").HighWater = x.Value
	case c.poolUp.Metric:
		shelved(v.pools, x, "disk_pool").Down = x.Value == 0
	case c.unitCapacity.Metric:
		u := shelved(v.units, x, "storage_unit")
		u.Capacity, u.Category = x.Value, x.Series.Label("category")
	case c.unitUsed.Metric:
		shelved(v.units, x, "storage_unit").Used = x.Value
	case c.unitInfo.Metric:
		v.onPool[x.Series.Label("storage_unit")] = x.Series.Label("disk_pool") != ""
	}
}

func shelved(of map[string]*StoragePicture, x source.Sample, label string) *StoragePicture {
	name := x.Series.Label(label)
	if of[name] == nil {
		of[name] = &StoragePicture{Name: name, HighWater: 1}
	}
	return of[name]
}

// foresee says when the storage will be as full as it may be.
func (p *StoragePicture) foresee(t *trend) {
	p.Growth, p.Known = t.growth()
	p.FullIn, p.Fills = t.fullIn(p.Capacity*p.HighWater - p.Used)
}

// urgency is the time that is left, for sorting.
func (p *StoragePicture) urgency() float64 {
	if !p.Fills {
		return math.Inf(1)
	}
	return p.FullIn.Hours()
}
