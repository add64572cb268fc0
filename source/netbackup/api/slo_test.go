package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSLOs(t *testing.T) {
	c := newTestClient(t, serveRows(vendorSLO, `{"id":"x","attributes":null}`, `{"attributes":{"workloadType":"CLOUD"}}`))
	want := []*SLO{{"c0ffee", "VMWARE"}, {ID: "x"}}
	if diff := cmp.Diff(want, collect(t, c.SLOs(t.Context()))); diff != "" {
		t.Errorf("SLOs (-want +got):\n%s", diff)
	}
}
