package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The status of 11.0 says more than the result of a scan, which was there before.
func TestImages(t *testing.T) {
	c := newTestClient(t, serveRows(newerImage, olderImage, `{"id":"c_3","attributes":{}}`, `{"id":"c_4"}`))
	want := []*Image{{"INFECTION_DETECTED_BY_FILE_HASH_SEARCH", "ANOMALOUS"}, {"CLEAN", ""}, {}}
	if diff := cmp.Diff(want, collect(t, c.Images(t.Context()))); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}
