package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mediumServer = `{"type":"storageServer","id":"PureDisk:media1.example","attributes":{"name":"media1.example","storageCategory":"MSDP",
"sType":"PureDisk","storageServerState":"UP","isWormSupported":true,"msdpAttributes":{"storagePath":"/msdp","fipsEnabled":false,
"storagePoolDetails":{"rawSizeBytes":1},"deduplicationRatioPercentage":92.5}},"relationships":{"universalShares":{"data":[]}}}`

func TestStorageServers(t *testing.T) {
	c := newTestClient(t, serveRows(mediumServer,
		`{"id":"AdvancedDisk:m2","attributes":{"name":"m2","sType":"AdvancedDisk","storageServerState":"Down","msdpAttributes":null}}`,
		`{"id":"AdvancedDisk:m3","attributes":{"storageServerState":"DOWN"}}`)) // which server is that?
	var got []StorageServer
	for s, err := range c.StorageServers(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	want := []StorageServer{
		{Name: "media1.example", Type: "PureDisk", State: "UP", DedupRatio: some(92.5)},
		{Name: "m2", Type: "AdvancedDisk", State: "DOWN"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
}
