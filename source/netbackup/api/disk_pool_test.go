package api

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mediumPool = `{"type":"diskPool","id":"PureDisk:pool1","attributes":{"name":"pool1","sType":"PureDisk","storageCategory":"MSDP",
"diskVolumes":[{"name":"PureDiskVolume","id":"vol-1","state":"UP","rawSizeBytes":10995116277760},{"id":"vol-2","state":"DOWN"}],
"highWaterMark":98,"lowWaterMark":"80","diskPoolState":"UP","rawSizeBytes":10995116277760,"usableSizeBytes":10737418240000,
"availableSpaceBytes":8796093022208,"usedCapacityBytes":2199023255552,"wormCapable":false}}`

func listPools(t *testing.T, c *Client) []DiskPool {
	t.Helper()
	var pools []DiskPool
	for p, err := range c.DiskPools(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		pools = append(pools, p)
	}
	return pools
}

func TestDiskPoolWithItsAttributes(t *testing.T) {
	got := listPools(t, newTestClient(t, serveRows(mediumPool)))
	want := []DiskPool{{
		ID: "PureDisk:pool1", Name: "pool1", ServerType: "PureDisk", Category: "MSDP", State: "UP",
		Raw: some[int64](10995116277760), Usable: some[int64](10737418240000),
		Used: some[int64](2199023255552), Available: some[int64](8796093022208),
		HighWaterMark: some(98.0), LowWaterMark: some(80.0),
		Volumes: []DiskVolume{{ID: "vol-1", Name: "PureDiskVolume", State: "UP", Size: some[int64](10995116277760)}, {ID: "vol-2", Name: "vol-2", State: "DOWN"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
}

// Some releases give capacity only where one pool is asked for.
func TestDiskPoolCapacityFromTheSinglePool(t *testing.T) {
	var paths []string
	c := newTestClient(t, func(r *http.Request) *http.Response {
		paths = append(paths, r.URL.EscapedPath())
		switch r.URL.Path {
		case "/netbackup/storage/disk-pools":
			return reply(200, page("",
				`{"id":"a/b","attributes":{"name":"one","storageCategory":"MSDP","diskPoolState":"UP"}}`,
				`{"id":"gone","attributes":{"name":"two","storageCategory":"ADVANCED_DISK"}}`,
				`{"id":"cloud","attributes":{"name":"three","storageCategory":"CLOUD"}}`))
		case "/netbackup/storage/disk-pools/a/b":
			return reply(200, `{"data":{"attributes":{"rawSizeBytes":5}}}`)
		}
		return reply(404, `{"errorCode":1,"errorMessage":"no such pool"}`)
	})
	pools := listPools(t, c)
	if len(pools) != 3 || pools[0].Raw != some[int64](5) || pools[0].State != "UP" || pools[1].Raw.Given || pools[2].Raw.Given {
		t.Errorf("pools %+v", pools)
	}
	if len(paths) != 3 || paths[1] != "/netbackup/storage/disk-pools/a%2Fb" {
		t.Errorf("asked %v: want the list and two pools, the id as one path element", paths)
	}
}
