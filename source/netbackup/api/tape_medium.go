package api

import (
	"context"
	"iter"
)

// TapeMedium is one row of /storage/tape-media.
type TapeMedium struct {
	ID        string
	Type      string // HCART, HCART2, HC_CLN, …
	RobotType string // TLD, ACS, NOT_ROBOTIC, NA
	Pool      string
	Status    string // ACTIVE, FULL, FROZEN, …; several words where it is several
}

// VolumePool is one row of /storage/tape-volume-pools.
type VolumePool struct {
	Name          string
	Type          string // REGULAR_MEDIA_POOL, SCRATCH_MEDIA_POOL, …
	PartiallyFull Optional[int64]
}

// tapePage is the documented maximum of page[limit] for media and volume pools.
const tapePage = 100

// TapeMedia lists all tapes. Releases before 10.5 do not offer it.
func (c *Client) TapeMedia(ctx context.Context) iter.Seq2[*TapeMedium, error] {
	return listing[*TapeMedium]{
		row: tapeMediumRow,
		list: list{
			client: c, noun: "tape_medium", path: "/storage/tape-media",
			size: tapePage, pager: byCursor,
		},
	}.rows(ctx)
}

// VolumePools lists all volume pools. Releases before 10.5 do not offer it.
func (c *Client) VolumePools(ctx context.Context) iter.Seq2[*VolumePool, error] {
	return listing[*VolumePool]{
		row: volumePoolRow,
		list: list{
			client: c, noun: "volume_pool", path: "/storage/tape-volume-pools",
			size: tapePage, pager: byCursor,
		},
	}.rows(ctx)
}

// RobotHosts lists the hosts that control robots, by name. Releases before 10.5 do not offer it.
func (c *Client) RobotHosts(ctx context.Context) iter.Seq2[string, error] {
	return listing[string]{
		row: robotHostRow,
		list: list{
			client: c, noun: "robot_host", path: "/storage/robots-device-hosts", pager: inOne,
		},
	}.rows(ctx)
}

func tapeMediumRow(d *decoder) (m *TapeMedium, ok bool) {
	m = &TapeMedium{}
	for name := range d.attributes() {
		switch string(name) {
		case "mediaType":
			m.Type = d.word()
		case "volumePool":
			m.Pool = d.text()
		case "mediaStatus":
			m.Status = d.word()
		case "robot":
			m.RobotType = d.wordOf("robotType")
		default:
			d.skip()
		}
	}
	m.ID = string(d.id)
	return m, m.ID != ""
}

func volumePoolRow(d *decoder) (p *VolumePool, ok bool) {
	p = &VolumePool{}
	for name := range d.attributes() {
		switch string(name) {
		case "volumePoolName":
			p.Name = d.text()
		case "poolType":
			p.Type = d.word()
		case "partiallyFullMedia":
			p.PartiallyFull = d.within(0, mostThings)
		default:
			d.skip()
		}
	}
	return p, p.Name != ""
}

func robotHostRow(d *decoder) (host string, ok bool) {
	for name := range d.members() {
		if string(name) == "id" {
			host = d.identify()
		} else {
			d.skip()
		}
	}
	return host, host != ""
}

// KeepFacts takes the facts that the row leaves out from the form that it had last.
func (p *VolumePool) KeepFacts(last *VolumePool) { keep(&p.Type, last.Type) }
