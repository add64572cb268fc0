package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vendorAlert has a number for an id, as the vendor's own example.
const vendorAlert = `{"type":"alert","id":2,"links":{"self":{"href":"/manage/alerts/2"}},"attributes":{"titleId":1,"category":"JOB",
"subCategory":"WINDOWS","severity":"ERROR","tags":["JOB","2074"],"systemDefined":true,"params":{"severity":"none","jobId":"4"}}}`

func TestAlerts(t *testing.T) {
	c := newTestClient(t, serveRows(vendorAlert, `{"attributes":{"severity":"NEW","category":null}}`, `{"id":"3","attributes":{"title":"t"}}`))
	want := []*Alert{{Severity: "ERROR", Category: "JOB"}, {Severity: "NEW"}}
	if diff := cmp.Diff(want, collect(t, c.Alerts(t.Context()))); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}
