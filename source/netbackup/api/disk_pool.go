package api

import (
	"context"
	"errors"
	"iter"
	"net/url"
)

// DiskPool is one row of /storage/disk-pools. Its id identifies it ("the unique identifier associated with the disk
// pool", storage.yaml of 10.3 to 11.0), and storage units name their pool by it: pools of two server types may have one
// name. So a row without an id is not readable.
type DiskPool struct {
	ID         string
	Name       string // for people; not unique, and empty where the server left it out
	ServerType string
	Category   string
	State      string // UP, DOWN, TRANSIENT

	// Bytes; not given for cloud, and where the number cannot be one.
	Raw, Usable, Used, Available Optional[int64]

	HighWaterMark, LowWaterMark Optional[float64] // percent

	Volumes []DiskVolume
}

// DiskVolume is a volume of a disk pool.
type DiskVolume struct {
	ID    string
	Name  string
	State string // UP, DOWN, UNKNOWN

	Size, Free Optional[int64] // bytes; as those of the pool
}

// diskPoolsPage is the documented maximum of page[limit] for /storage/disk-pools.
const diskPoolsPage = 500

// DiskPools lists all disk pools. A release that leaves capacity out of the list is asked
// for each pool that should have one.
func (c *Client) DiskPools(ctx context.Context) iter.Seq2[DiskPool, error] {
	all := listing[DiskPool]{
		row: diskPoolRow,
		list: list{
			client: c, noun: "disk_pool", path: "/storage/disk-pools",
			size: diskPoolsPage, pager: byOffset,
		},
	}
	return func(yield func(DiskPool, error) bool) {
		for p, err := range all.rows(ctx) {
			if err == nil && p.ID != "" && p.lacksCapacity() {
				p, err = c.wholePool(ctx, p)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

func (p *DiskPool) lacksCapacity() bool {
	return mayHaveCapacity(p.Category) && !p.Raw.Given && !p.Usable.Given && !p.Used.Given && !p.Available.Given
}

// wholePool reads one pool by its id; a server that does not know it leaves p as it is.
func (c *Client) wholePool(ctx context.Context, p DiskPool) (DiskPool, error) {
	a, err := c.get(ctx, "/storage/disk-pools/"+url.PathEscape(p.ID), nil)
	if errors.Is(err, ErrNotOffered) || errors.Is(err, ErrRole) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	defer a.release()
	d := c.borrowDecoder("disk_pool")
	defer c.returnDecoder(d)
	whole := p
	if err := d.document(a.body, func() { diskPoolAttributes(d, &whole) }); err != nil {
		return p, c.unreadable(a, "expected a disk pool", err)
	}
	whole.dropNoCapacity()
	return whole, nil
}

func diskPoolRow(d *decoder) (p DiskPool, ok bool) {
	for name := range d.members() {
		switch string(name) {
		case "id":
			p.ID = d.identify()
		case "attributes":
			diskPoolAttributes(d, &p)
		default:
			d.skip()
		}
	}
	p.dropNoCapacity()
	return p, p.ID != ""
}

// dropNoCapacity leaves out sizes that are none: of cloud, of what has a size of 0, and of a volume that has more free than that.
func (p *DiskPool) dropNoCapacity() {
	if !hasCapacity(p.Category, p.Usable, p.Raw) {
		p.Raw, p.Usable, p.Used, p.Available = Optional[int64]{}, Optional[int64]{}, Optional[int64]{}, Optional[int64]{}
	}
	for i := range p.Volumes {
		if v := &p.Volumes[i]; !mayHaveCapacity(p.Category) || v.Size.Value == 0 || v.Free.Value > v.Size.Value {
			v.Size, v.Free = Optional[int64]{}, Optional[int64]{}
		}
	}
}

func diskPoolAttributes(d *decoder, p *DiskPool) {
	for name := range d.members() {
		switch string(name) {
		case "name":
			p.Name = d.text()
		case "sType":
			p.ServerType = d.text()
		case "storageCategory":
			p.Category = d.word()
		case "diskPoolState":
			p.State = d.word()
		case "rawSizeBytes":
			p.Raw = d.size()
		case "usableSizeBytes":
			p.Usable = d.size()
		case "usedCapacityBytes":
			p.Used = d.size()
		case "availableSpaceBytes":
			p.Available = d.size()
		case "highWaterMark":
			p.HighWaterMark = d.numberUpTo(100)
		case "lowWaterMark":
			p.LowWaterMark = d.numberUpTo(100)
		case "diskVolumes":
			p.Volumes = diskVolumes(d)
		default:
			d.skip()
		}
	}
}

func diskVolumes(d *decoder) (volumes []DiskVolume) {
	for range d.elements() {
		var v DiskVolume
		for name := range d.members() {
			switch string(name) {
			case "id":
				v.ID = d.text()
			case "name":
				v.Name = d.text()
			case "state":
				v.State = d.word()
			case "rawSizeBytes":
				v.Size = d.size()
			case "freeSizeBytes":
				v.Free = d.size()
			default:
				d.skip()
			}
		}
		if v.Name == "" {
			v.Name = v.ID
		}
		if v.Name == "" {
			d.lostRow(nil)
			continue
		}
		volumes = append(volumes, v)
	}
	return volumes
}

// KeepFacts takes the facts that the row leaves out from the form that it had last.
func (p *DiskPool) KeepFacts(last *DiskPool) {
	keep(&p.Name, last.Name)
	keep(&p.ServerType, last.ServerType)
	keep(&p.Category, last.Category)
	p.dropNoCapacity()
}

// KeepFacts shows a volume without a name by the one that it had, not by its id.
func (v *DiskVolume) KeepFacts(last *DiskVolume) {
	if v.Name == v.ID {
		v.Name = last.Name
	}
}
