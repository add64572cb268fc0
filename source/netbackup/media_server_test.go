package netbackup

import (
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/nbusim"
)

// Every release shows what a media server is, and whether its machine is up.
func TestMediaServersAreUpOrDown(t *testing.T) {
	for _, release := range []string{"10.3", "10.5", "11.0", "11.2"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			r.sim.AddMediaServers(nbusim.MediaServer{Name: "media-1"}, nbusim.MediaServer{Name: "media-2", Version: "10.4", OS: "Windows", Status: "OFFLINE", Down: true})
			r.tick()
			r.want(1, "nbu_media_server_up", "media_server", "media-1")
			r.want(0, "nbu_media_server_up", "media_server", "media-2")
			r.want(1, "nbu_media_server_info", "media_server", "media-1", "nbu_version", release, "os", "Linux", "status", "ACTIVE_FOR_TAPE_AND_DISK")
			r.want(1, "nbu_media_server_info", "media_server", "media-2", "nbu_version", "10.4", "os", "Windows", "status", "OFFLINE")
			r.want(1, "nbu_collector_success", "collector", "media_servers")
		})
	}
}

// A row without a name has its id for one, one that says of no machine that it is up is neither up nor down, and one
// without either is counted.
func TestUntidyMediaServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/config/media-servers", Effect: nbusim.Body(`{"data":[{"id":"media-1","attributes":{"isMachineUp":"true","status":null}},
{"id":"2","attributes":{"hostName":"media-2","isMachineUp":null,"status":"ACTIVE"}},{"attributes":{"isMachineUp":false}}]}`)})
		r.tick()
		r.want(1, "nbu_media_server_up", "media_server", "media-1")
		r.want(none(), "nbu_media_server_up", "media_server", "media-2")
		if _, n := r.live("nbu_media_server_info"); n != 2 {
			t.Errorf("%d media servers, want 2", n)
		}
		r.want(1, "nbu_media_server_info", "media_server", "media-2")
		if got := r.store.sum("nbu_rows_unreadable_total", "collector", "media_servers"); got != 1 {
			t.Errorf("%v rows cannot be read, want 1", got)
		}
	})
}
