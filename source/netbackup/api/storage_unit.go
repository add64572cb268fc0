package api

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// StorageUnit is one row of /storage/storage-units. Several units may stand on one disk
// pool: capacity then belongs to the pool, and summing units counts it twice.
type StorageUnit struct {
	Name       string
	Category   string // ADVANCED_DISK, BASIC_DISK, CLOUD, CLOUD_CATALYST, MSDP, OPEN_STORAGE, TAPE, …
	Type       string
	SubType    string
	ServerType string
	DiskPool   string // the id of the pool it stands on; empty for tape and basic disk

	// Bytes; not given for tape, for cloud, and where the number cannot be one.
	Capacity, Used, Free Optional[int64]

	MaxConcurrentJobs    Optional[int64] // disk
	MaxConcurrentDrives  Optional[int64] // tape
	MaxFragmentMegabytes Optional[int64]

	IsCloud            Optional[bool]
	WormCapable        Optional[bool]
	UseWorm            Optional[bool]
	ReplicationCapable Optional[bool]
	InstantAccess      Optional[bool]
}

// storageUnitsPage is the documented maximum of page[limit] for /storage/storage-units.
const storageUnitsPage = 500

// StorageUnits lists all storage units.
func (c *Client) StorageUnits(ctx context.Context) iter.Seq2[StorageUnit, error] {
	return listing[StorageUnit]{
		row: storageUnitRow,
		list: list{
			client: c, noun: "storage_unit", path: "/storage/storage-units",
			size: storageUnitsPage, pager: byOffset,
		},
	}.rows(ctx)
}

func storageUnitRow(d *decoder) (u StorageUnit, ok bool) {
	var id string
	for name := range d.members() {
		switch string(name) {
		case "id":
			id = d.identify()
		case "attributes":
			storageUnitAttributes(d, &u)
		case "relationships":
			u.DiskPool = relatedID(d, "diskPool")
		default:
			d.skip()
		}
	}
	if u.Name == "" {
		u.Name = id
	}
	u.dropNoCapacity()
	return u, u.Name != ""
}

// dropNoCapacity leaves out sizes that are none.
func (u *StorageUnit) dropNoCapacity() {
	if !hasCapacity(u.Category, u.Capacity) || u.IsTape() {
		u.Capacity, u.Used, u.Free = Optional[int64]{}, Optional[int64]{}, Optional[int64]{}
	}
}

// IsTape also knows a tape unit whose category is missing: only such have drives, and the storage type that the product
// gives to them.
func (u *StorageUnit) IsTape() bool {
	return u.Category == "TAPE" || u.Category == "" && (u.MaxConcurrentDrives.Given || u.Type == "Media Manager")
}

func storageUnitAttributes(d *decoder, u *StorageUnit) {
	for name := range d.members() {
		switch string(name) {
		case "name":
			u.Name = d.text()
		case "storageCategory":
			u.Category = d.word()
		case "storageType":
			u.Type = d.text()
		case "storageSubType":
			u.SubType = d.text()
		case "storageServerType":
			u.ServerType = d.text()
		case "totalCapacityBytes":
			u.Capacity = d.size()
		case "usedCapacityBytes":
			u.Used = d.size()
		case "freeCapacityBytes":
			u.Free = d.size()
		case "maxConcurrentJobs":
			u.MaxConcurrentJobs = d.within(0, mostThings)
		case "maxConcurrentDrives":
			u.MaxConcurrentDrives = d.within(0, mostThings)
		case "maxFragmentSizeMegabytes":
			u.MaxFragmentMegabytes = d.within(0, mostStorageBytes>>20)
		default:
			storageUnitFact(d, name, u)
		}
	}
}

func storageUnitFact(d *decoder, name []byte, u *StorageUnit) {
	switch string(name) {
	case "isCloudSTU":
		u.IsCloud = d.boolean()
	case "wormCapable":
		u.WormCapable = d.boolean()
	case "useWorm":
		u.UseWorm = d.boolean()
	case "replicationCapable":
		u.ReplicationCapable = d.boolean()
	case "instantAccessEnabled":
		u.InstantAccess = d.boolean()
	default:
		d.skip()
	}
}

// relatedID reads {NAME: {"data": {"id": …}}} out of a row's relationships.
func relatedID(d *decoder, relation string) (id string) {
	for name := range d.members() {
		if string(name) != relation {
			d.skip()
			continue
		}
		for name := range d.members() {
			if string(name) == "data" {
				id = memberText(d, "id")
			} else {
				d.skip()
			}
		}
	}
	return id
}

// mayHaveCapacity says where capacity means something: the vendor's documents except cloud,
// and tape has none (10.3 to 11.0, /storage/storage-units).
func mayHaveCapacity(category string) bool {
	return category != "TAPE" && !strings.HasPrefix(category, "CLOUD")
}

// hasCapacity says that sizes are to be believed. A size of 0 is none: it stands for "not known", of tape whose category
// is missing as of a pool that is down. Where the category is none that the documents name, a size must be given.
func hasCapacity(category string, sizes ...Optional[int64]) bool {
	none := func(v Optional[int64]) bool { return v.Value == 0 }
	given := func(v Optional[int64]) bool { return v.Given }
	switch category {
	case "ADVANCED_DISK", "BASIC_DISK", "MSDP", "OPEN_STORAGE":
		return !slices.ContainsFunc(sizes, given) || !all(sizes, none)
	}
	return mayHaveCapacity(category) && !all(sizes, none)
}

func all[T any](list []T, holds func(T) bool) bool {
	return !slices.ContainsFunc(list, func(v T) bool { return !holds(v) })
}

// size reads a number of bytes. Less than none, and the largest number there is, stand
// for "not known".
func (d *decoder) size() Optional[int64] {
	const unlimited = 1<<63 - 1024 // a float on the way rounds the largest number up to here or beyond
	n := d.integer()
	switch {
	case n.Value < 0 || n.Value >= unlimited:
		return Optional[int64]{}
	case n.Value > mostStorageBytes:
		d.problem(strconv.AppendInt(nil, n.Value, 10))
		return Optional[int64]{}
	}
	return n
}

// KeepFacts takes the facts that the row leaves out from the form that it had last.
func (u *StorageUnit) KeepFacts(last *StorageUnit) {
	keep(&u.Category, last.Category)
	keep(&u.Type, last.Type)
	keep(&u.SubType, last.SubType)
	keep(&u.ServerType, last.ServerType)
	keep(&u.DiskPool, last.DiskPool)
	keep(&u.IsCloud, last.IsCloud)
	keep(&u.WormCapable, last.WormCapable)
	keep(&u.UseWorm, last.UseWorm)
	keep(&u.ReplicationCapable, last.ReplicationCapable)
	keep(&u.InstantAccess, last.InstantAccess)
	u.dropNoCapacity()
}
