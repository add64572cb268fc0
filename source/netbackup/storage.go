package netbackup

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"backwire/source/netbackup/api"
)

// errEmpty is an answer without the rows that every server has. A credential whose role
// does not allow to see them gets exactly this, and not a refusal.
var errEmpty = errors.New("the answer is 200 with an empty list; the role of the credential is probably missing a permission")

// storageUnits reads the storage units.
type storageUnits struct {
	c      *catalogue
	client *api.Client
	gauges *gauges
	told   lastTold[api.StorageUnit]
}

func (s *storageUnits) read(ctx context.Context, _ int64) (rows int, err error) {
	s.told.begin()
	for u, err := range s.client.StorageUnits(ctx) {
		if err != nil {
			return rows, err
		}
		rows++
		s.told.complete(u.Name, &u, (*api.StorageUnit).KeepFacts)
		s.note(&u)
	}
	if rows == 0 {
		return 0, errEmpty
	}
	return rows, nil
}

func (s *storageUnits) note(u *api.StorageUnit) {
	g, c := s.gauges, s.c
	setBytes(g, c.unitCapacity, u.Capacity, u.Name, u.Category)
	setBytes(g, c.unitUsed, u.Used, u.Name, u.Category)
	setBytes(g, c.unitFree, u.Free, u.Name, u.Category)
	setBytes(g, c.unitMaxJobs, u.MaxConcurrentJobs, u.Name)
	c.exporter.noteUnit(g, u)
	g.tell(c.unitInfo, 1, u.Name, u.Category, u.Type, u.SubType, u.ServerType, u.DiskPool,
		fact(u.IsCloud), fact(u.WormCapable), fact(u.UseWorm), fact(u.ReplicationCapable), fact(u.InstantAccess))
}

// diskPools reads the disk pools and their volumes.
type diskPools struct {
	c       *catalogue
	client  *api.Client
	gauges  *gauges
	told    lastTold[api.DiskPool]
	volumes lastTold[api.DiskVolume]
}

func (d *diskPools) read(ctx context.Context, _ int64) (rows int, err error) {
	d.told.begin()
	d.volumes.begin()
	for p, err := range d.client.DiskPools(ctx) {
		if err != nil {
			return rows, err
		}
		rows++
		d.told.complete(p.ID, &p, (*api.DiskPool).KeepFacts)
		for i := range p.Volumes {
			if v := &p.Volumes[i]; v.ID != "" {
				d.volumes.complete(p.ID+separator+v.ID, v, (*api.DiskVolume).KeepFacts)
			}
		}
		d.note(&p)
	}
	return rows, nil
}

func (d *diskPools) note(p *api.DiskPool) {
	g, c := d.gauges, d.c
	g.tell(c.poolInfo, 1, p.ID, p.Name, p.Category, p.ServerType)
	setBytes(g, c.poolRaw, p.Raw, p.ID, p.Category)
	setBytes(g, c.poolUsable, p.Usable, p.ID, p.Category)
	setBytes(g, c.poolUsed, p.Used, p.ID, p.Category)
	setBytes(g, c.poolAvailable, p.Available, p.ID, p.Category)
	setPercent(g, c.poolHighWater, p.HighWaterMark, p.ID)
	setPercent(g, c.poolLowWater, p.LowWaterMark, p.ID)
	setState(g, c.poolUp, p.State, p.ID)
	c.exporter.notePool(g, p)
	for _, v := range p.Volumes {
		setState(g, c.volumeUp, v.State, p.ID, v.Name)
	}
}

// storageServers reads the storage servers.
type storageServers struct {
	c      *catalogue
	client *api.Client
	gauges *gauges
}

func (s *storageServers) read(ctx context.Context, _ int64) (rows int, err error) {
	for v, err := range s.client.StorageServers(ctx) {
		if err != nil {
			return rows, err
		}
		rows++
		setState(s.gauges, s.c.serverUp, v.State, v.Name, v.Type)
		if v.DedupRatio.Given && v.DedupRatio.Value >= 0 { // a negative one is no ratio
			s.gauges.tell(s.c.serverDedup, v.DedupRatio.Value, v.Name, v.Type)
		}
	}
	return rows, nil
}

// tapeDrives reads the tape drives.
type tapeDrives struct {
	c      *catalogue
	client *api.Client
	gauges *gauges
	told   lastTold[api.TapeDrive]
}

func (t *tapeDrives) read(ctx context.Context, _ int64) (rows int, err error) {
	t.told.begin()
	for v, err := range t.client.TapeDrives(ctx) {
		if err != nil {
			return rows, err
		}
		rows++
		t.told.complete(v.Name, &v, (*api.TapeDrive).KeepFacts)
		t.note(&v)
	}
	return rows, nil
}

func (t *tapeDrives) note(v *api.TapeDrive) {
	t.c.exporter.noteDrive(t.gauges, v)
	setState(t.gauges, t.c.driveUp, strings.TrimPrefix(v.Status, "DRIVE_STATUS_"),
		v.Name, v.Host, v.Type, v.RobotType, numeral(v.RobotNumber))
}

// numeral is a number as a label; one that was not given is no label.
func numeral(v api.Optional[int64]) string {
	if !v.Given {
		return ""
	}
	return strconv.FormatInt(v.Value, 10)
}

// addFigure makes a sum of a figure that rows may lack.
func addFigure(g *gauges, f *family, v api.Optional[int64]) { g.addGiven(f, float64(v.Value), v.Given) }

// setBytes sets what the server gave; what it did not give stays absent.
func setBytes(g *gauges, f *family, v api.Optional[int64], labels ...string) {
	if v.Given {
		g.tell(f, float64(v.Value), labels...)
	}
}

func setPercent(g *gauges, f *family, v api.Optional[float64], labels ...string) {
	if v.Given && v.Value >= 0 && v.Value <= 100 {
		g.tell(f, v.Value/100, labels...)
	}
}

// setState is 1 for what is up and 0 for what is not, by the documents' words: UP, DOWN and UNKNOWN of volumes, UP and
// DOWN of servers, TRANSIENT of pools, MIXED (by one path at least) and DISABLED of drives. Of any other word nobody
// knows what it means, and the series is absent.
func setState(g *gauges, f *family, state string, labels ...string) {
	switch state {
	case "UP", "MIXED":
		g.tell(f, 1, labels...)
	case "DOWN", "DISABLED", "TRANSIENT":
		g.tell(f, 0, labels...)
	}
}

// fact is a yes or no as a label; one that was not given is no label.
func fact(v api.Optional[bool]) string {
	if !v.Given {
		return ""
	}
	return strconv.FormatBool(v.Value)
}
