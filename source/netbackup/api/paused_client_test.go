package api

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The fields are those of "GET /config/paused-clients" in the vendor's documents of 10.3 to 11.2.
func TestPausedClients(t *testing.T) {
	c := newTestClient(t, serveRows(
		`{"type":"pausedClient","id":"7","attributes":{"clientUniqueIdentifier":"c-7","displayName":"db-1.example","blockedTime":"2026-03-01T10:00:00.000Z",
			"blockedUntilTime":"2026-03-05T10:00:00Z","reason":"maintenance","details":"","extendedAttributes":"{}","clientProtectedBy":"gold","triggerMethod":"MANUAL","blockedBy":"alice","addInLegacyFlag":true}}`,
		`{"type":"pausedClient","id":"8","attributes":{"clientUniqueIdentifier":"vm-8","displayName":"","blockedTime":"2026-03-01T10:00:00.000Z","blockedUntilTime":null,"triggerMethod":"automatic"}}`,
		`{"type":"pausedClient","id":"9","attributes":{"triggerMethod":"MANUAL"}}`, `{"type":"pausedClient","attributes":{"triggerMethod":"MANUAL"}}`,
	))
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	want := []*PausedClient{
		{Name: "db-1.example", Identifier: "c-7", From: at, Until: at.Add(96 * time.Hour), Trigger: "MANUAL", By: "alice", Reason: "maintenance"},
		{Name: "vm-8", Identifier: "vm-8", From: at, Trigger: "AUTOMATIC"},
		{Name: "9", Trigger: "MANUAL"},
	}
	if diff := cmp.Diff(want, collect(t, c.PausedClients(t.Context()))); diff != "" {
		t.Errorf("PausedClients (-want +got):\n%s", diff)
	}
}
