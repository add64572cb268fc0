package netbackup

import (
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// Every release counts its anomalies and names the time of the newest, whatever came before and after it in the list.
func TestAnomaliesOfEachRelease(t *testing.T) {
	for _, release := range []string{"10.3", "10.5", "11.0", "11.2"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			newest := r.sim.Now().Add(-time.Hour)
			for range 120 {
				r.sim.AddAnomalies(nbusim.Anomaly{At: newest.Add(-40 * time.Hour)})
			}
			r.sim.AddAnomalies(
				nbusim.Anomaly{At: newest}, nbusim.Anomaly{At: newest.Add(-time.Hour), Status: "IGNORED"},
				nbusim.Anomaly{Severity: "LOW", At: r.sim.Now().Add(40 * time.Hour)},
			)
			r.tick()
			r.want(121, "nbu_anomalies", "severity", "HIGH", "type", "JOB_BASED", "status", "NOT_REVIEWED")
			r.want(1, "nbu_anomalies", "severity", "HIGH", "status", "IGNORED")
			r.want(1, "nbu_anomalies", "severity", "LOW")
			r.want(float64(newest.UnixMilli())/1000, "nbu_anomaly_last_timestamp_seconds", "severity", "HIGH")
			r.want(none(), "nbu_anomaly_last_timestamp_seconds", "severity", "LOW") // of a day to come
			r.want(1, "nbu_collector_success", "collector", "anomalies")
		})
	}
}

// The event log is asked for a day of the server's clock, and what is older is not counted where a server shows all the same.
func TestEventsOfTheLastDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit(), Clock: func() time.Time { return time.Now().Add(-3 * time.Hour) }})
		now := r.sim.Now()
		r.sim.AddEvents(
			nbusim.Event{At: now.Add(-time.Minute)}, nbusim.Event{At: now.Add(-23 * time.Hour)}, nbusim.Event{At: now.Add(-25 * time.Hour)},
			nbusim.Event{Severity: "INFO", At: now.Add(-time.Minute)},
		)
		r.tick()
		r.want(2, "nbu_events", "severity", "ERROR")
		r.want(1, "nbu_events", "severity", "INFO")
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/eventlog/notifications", Effect: nbusim.Body(`{"data":[
{"id":"a","attributes":{"severity":"ERROR","createdDateTime":"2000-01-02T00:00:00.000Z"}},
{"id":"b","attributes":{"severity":"error","createdDateTime":"1999-01-01T00:00:00.000Z"}},
{"id":"c","attributes":{"severity":"ERROR","createdDateTime":"soon"}},
{"id":"d","attributes":{}}]}`)}) // it is January 1st, 2000
		r.sim.Inject(nbusim.Fault{Path: "/security/anomalies", Effect: nbusim.Status(404)})
		r.tick()
		r.want(2, "nbu_events", "severity", "ERROR")
		r.want(1, "nbu_collector_success", "collector", "events")
		r.want(none(), "nbu_collector_success", "collector", "anomalies")
		if got := r.store.sum("nbu_rows_unreadable_total", "collector", "events"); got != 1 {
			t.Errorf("%v rows cannot be read, want 1", got)
		}
	})
}
