package netbackup

import (
	"fmt"
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/nbusim"
)

func TestTapesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Release: "11.0", Storage: tapes()})
		r.tick()
		r.want(150, "nbu_tape_media", "pool", "NetBackup", "media_type", "HCART3", "robot_type", "TLD", "status", "ACTIVE")
		r.want(1, "nbu_tape_media", "status", "FROZEN")
		r.want(3, "nbu_tape_pool_partially_full_media", "pool", "NetBackup", "type", "REGULAR_MEDIA_POOL")
		r.want(0, "nbu_tape_pool_partially_full_media", "pool", "Scratch")
		r.want(2, "nbu_tape_robot_hosts")
		for _, name := range []string{"tape_media", "volume_pools", "robots"} {
			r.want(1, "nbu_collector_success", "collector", name)
		}
	})
}

// 10.3 does not offer them, which is no failure.
func TestTapesAreNotOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Release: "10.3", Storage: tapes()})
		r.tick()
		r.want(1, "nbu_up")
		r.want(none(), "nbu_tape_media")
		for _, name := range []string{"tape_media", "volume_pools", "robots"} {
			r.want(none(), "nbu_collector_success", "collector", name)
		}
	})
}

// tapes is an estate with more than a page of tapes.
func tapes() nbusim.Estate {
	e := oneUnit()
	for i := range 150 {
		e.Tapes = append(e.Tapes, nbusim.TapeMedium{ID: fmt.Sprintf("A%05d", i)})
	}
	e.Tapes = append(e.Tapes, nbusim.TapeMedium{ID: "B00001", Status: "FROZEN"})
	e.VolumePools = []nbusim.VolumePool{{Name: "NetBackup", PartiallyFull: 3}, {Name: "Scratch", Type: "SCRATCH_MEDIA_POOL"}}
	e.RobotHosts = []string{"media-1", "media-2"}
	return e
}
