package api

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backwire/source/netbackup/nbusim"
)

const (
	vendorTape = `{"type":"volumeInfo","id":"A00001","attributes":{"barcode":"A00001L8","mediaType":"HCART3","robot":{"robotType":"TLD","robotNumber":0},
"volumePool":"NetBackup","mediaStatus":"ACTIVE MULTIPLEXED","kiloBytes":1.5}}`
	vendorPool = `{"type":"volumePoolDetails","id":"4","attributes":{"volumePoolName":"Scratch","poolType":"SCRATCH_MEDIA_POOL","partiallyFullMedia":"2"}}`
)

func TestTapeMedia(t *testing.T) {
	c := newTestClient(t, serveRows(vendorTape, `{"id":"A2","attributes":{"robot":null,"volumePool":null}}`, `{"attributes":{"mediaType":"DLT"}}`))
	want := []*TapeMedium{{"A00001", "HCART3", "TLD", "NetBackup", "ACTIVE MULTIPLEXED"}, {ID: "A2"}}
	if diff := cmp.Diff(want, collect(t, c.TapeMedia(t.Context()))); diff != "" {
		t.Errorf("tapes (-want +got):\n%s", diff)
	}
}

func TestVolumePools(t *testing.T) {
	c := newTestClient(t, serveRows(vendorPool, `{"attributes":{"volumePoolName":"None","partiallyFullMedia":null}}`, `{"id":"5"}`))
	want := []*VolumePool{{"Scratch", "SCRATCH_MEDIA_POOL", some[int64](2)}, {Name: "None"}}
	if diff := cmp.Diff(want, collect(t, c.VolumePools(t.Context()))); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
}

func TestRobotHosts(t *testing.T) {
	c := newTestClient(t, serveRows(`{"type":"deviceHost","id":"media-1"}`, `{"type":"deviceHost"}`))
	if got := collect(t, c.RobotHosts(t.Context())); !cmp.Equal(got, []string{"media-1"}) {
		t.Errorf("hosts %v", got)
	}
}

func withTapes() nbusim.Estate {
	e := estate()
	for i := range 150 {
		e.Tapes = append(e.Tapes, nbusim.TapeMedium{ID: fmt.Sprintf("A%05d", i)})
	}
	e.Tapes = append(e.Tapes, nbusim.TapeMedium{ID: "B00001", Status: "FROZEN"})
	e.VolumePools = []nbusim.VolumePool{{Name: "NetBackup", PartiallyFull: 3}, {Name: "Scratch", Type: "SCRATCH_MEDIA_POOL"}}
	e.RobotHosts = []string{"media-1", "media-2"}
	return e
}

// checkTapes reads more than a page of tapes.
func checkTapes(t *testing.T, c *Client) {
	t.Helper()
	tapes, pools, hosts := collect(t, c.TapeMedia(t.Context())), collect(t, c.VolumePools(t.Context())), collect(t, c.RobotHosts(t.Context()))
	if len(tapes) != 151 || len(pools) != 2 || len(hosts) != 2 {
		t.Errorf("%d tapes, %d pools, %d hosts", len(tapes), len(pools), len(hosts))
	}
}
