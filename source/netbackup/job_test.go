package netbackup

import (
	"net/http"
	"testing"
)

func TestJobsSmoke(t *testing.T) {
	c := newTestClient(t, func(r *http.Request) *http.Response {
		if r.URL.Query().Get("page[after]") == "" {
			return reply(200, `{"data":[{"type":"job","id":"7","attributes":{"jobId":7.0,"status":"1","state":"DONE","endTime":"2026-01-02T03:04:05.256Z","kilobytesTransferred":4294967296,"elapsedTime":"PT5M46S"}}],"meta":{"pagination":{"next":"b","limit":100}}}`)
		}
		return reply(200, `{"data":[{"type":"job","id":8,"attributes":{"endTime":"1970-01-01T00:00:00.000Z"}}],"meta":{"pagination":{"limit":100}}}`)
	})
	n := 0
	for j, err := range c.Jobs(t.Context(), JobQuery{Filter: "state eq 'DONE'"}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		t.Logf("%+v", j)
	}
	if n != 2 {
		t.Fatalf("got %d jobs, want 2", n)
	}
}
