package netbackup

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/nbusim"
)

// A drive that is up by another path is up, and the path that is down is named (storage.yaml, devicePaths, tapeAlert1).
func TestPathsOfTapeDrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		estate := oneUnit()
		estate.Drives = []nbusim.TapeDrive{{Name: "d1", Host: "media-1", AlsoDown: "media-2"}, {Name: "d2", Dirty: true, Alert: "HARD_ERROR,"}, {Name: "d3", Alert: "CLEAN_PERIODIC"}}
		r := newRig(t, nbusim.Options{Storage: estate, Release: "11.0"})
		r.tick()
		r.want(1, "nbu_tape_drive_up", "tape_drive", "d1")
		r.want(1, "nbu_tape_drive_path_up", "tape_drive", "d1", "media_server", "media-1", "path", "/dev/nst0")
		r.want(0, "nbu_tape_drive_path_up", "tape_drive", "d1", "media_server", "media-2", "path", "/dev/nst0")
		r.want(1, "nbu_tape_drive_alert", "tape_drive", "d2", "alert", "HARD_ERROR")
		r.want(1, "nbu_tape_drive_needs_cleaning", "tape_drive", "d2")
		r.want(1, "nbu_tape_drive_needs_cleaning", "tape_drive", "d3")
		r.want(none(), "nbu_tape_drive_needs_cleaning", "tape_drive", "d1")
		if _, n := r.live("nbu_tape_drive_alert"); n != 2 {
			t.Errorf("%d flags, want 2", n)
		}
	})
}

// However many paths a server shows, the drives are shown.
func TestPathsWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		var paths []string
		for i := range 9_000 {
			paths = append(paths, fmt.Sprintf(`{"deviceHost":"h%d","pathStatus":"PATH_STATUS_UP"}`, i))
		}
		r.sim.Inject(nbusim.Fault{Path: "/storage/drives", Effect: nbusim.Body(`{"data":[{"id":"d1","attributes":{"driveStatus":"DRIVE_STATUS_UP","tapeAlert1":["x"],"cleaningComment":7,"devicePaths":[` +
			strings.Join(paths, ",") + `,{"deviceHost":"a","pathStatus":"SOMETHING"},{"pathStatus":null},null,7]}},{"id":"d2","attributes":{"driveStatus":"DRIVE_STATUS_DOWN"}}]}`)})
		for range 2 {
			r.tick()
			r.want(1, "nbu_tape_drive_up", "tape_drive", "d1")
			r.want(0, "nbu_tape_drive_up", "tape_drive", "d2")
			if _, n := r.live("nbu_tape_drive_path_up"); n != mostPaths {
				t.Errorf("%d paths, want %d", n, mostPaths)
			}
		}
	})
}

// Each volume has its own size; what cannot be is no size.
func TestSizesOfDiskVolumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		volumes := func(sizes ...string) string {
			for i := range sizes {
				sizes[i] = fmt.Sprintf(`{"id":"%d","name":"v%d","state":"UP",%s}`, i, i, sizes[i])
			}
			return strings.Join(sizes, ",")
		}
		r.sim.Inject(nbusim.Fault{Path: "/storage/disk-pools", Effect: nbusim.Body(`{"data":[
{"id":"p","attributes":{"storageCategory":"ADVANCED_DISK","rawSizeBytes":1000,"diskVolumes":[` + volumes(`"rawSizeBytes":600,"freeSizeBytes":0`, `"rawSizeBytes":"400","freeSizeBytes":300`,
			`"rawSizeBytes":0,"freeSizeBytes":0`, `"rawSizeBytes":400,"freeSizeBytes":500`, `"rawSizeBytes":9223372036854775807,"freeSizeBytes":1`, `"rawSizeBytes":400`) + `]}},
{"id":"c","attributes":{"storageCategory":"CLOUD","diskVolumes":[` + volumes(`"rawSizeBytes":600,"freeSizeBytes":1`) + `]}}]}`)})
		r.tick()
		r.want(600, "nbu_disk_volume_size_bytes", "disk_pool", "p", "volume", "v0")
		r.want(0, "nbu_disk_volume_free_bytes", "disk_pool", "p", "volume", "v0")
		r.want(300, "nbu_disk_volume_free_bytes", "disk_pool", "p", "volume", "v1")
		r.want(400, "nbu_disk_volume_size_bytes", "disk_pool", "p", "volume", "v5")
		if _, n := r.live("nbu_disk_volume_size_bytes"); n != 3 {
			t.Errorf("%d volumes have a size, want 3", n)
		}
		if _, n := r.live("nbu_disk_volume_free_bytes"); n != 2 {
			t.Errorf("%d volumes have a free size, want 2", n)
		}
	})
}
