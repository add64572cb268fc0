package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"backwire/agent/page"
	"backwire/source/netbackup/nbusim"
)

// One site's 100,000 series, an endpoint that is down and a queue that is full and drops its oldest: under the
// settings of the unit the agent stays within its memory.
func TestMemoryOfAFullQueue(t *testing.T) {
	onlyInFull(t)
	const series, cycles, limit = 100_000, 5, 128 << 20
	s := newStand(t)
	primary, err := nbusim.New(nbusim.Options{Storage: nbusim.NewEstate(8)})
	if err != nil {
		t.Fatal(err)
	}
	const clients = series / 9 // each has eight or nine series for every policy that backs it up
	work := nbusim.Workload{Seed: 1, JobsPerMinute: 6000, MeanRun: time.Second, Policies: 50, Clients: clients}
	primary.AddHistory(work, 4*clients, 15*time.Minute)
	if err := primary.StartTLS("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = primary.Close() })
	work.JobsPerMinute = 120 // a reading must get to the end of the list on a busy machine too
	primary.Work(work)
	maps.Copy(s.settings, map[string]string{
		"NETBACKUP_URL": primary.URL(), "NETBACKUP_CA_FILE": s.file(t, "memory-ca.pem", string(primary.CA())),
		"NETBACKUP_MAX_CLIENT_SERIES": "1000000", "INTERVAL": "1s", "BACKFILL": "20m", "LISTEN": freePort(t),
		"REMOTE_WRITE_URL": "http://127.0.0.1:1/api/v1/write",
		"QUEUE_MAX_BYTES":  "8MiB", "QUEUE_SEGMENT_BYTES": "4MiB",
	})
	running := start(t, append(s.environ(), "GOMEMLIMIT=96MiB"), buildPrograms(t).backwire, "run")
	var status page.Status
	await(t, "the queue is full", func() error {
		if status, err = ask(s.settings["LISTEN"]); err != nil {
			return err
		}
		if len(status.Queue.Losses) == 0 || status.Sites[0].Cycles < cycles {
			return fmt.Errorf("%d of %d bytes in %d segments after %d cycles", status.Queue.Bytes, status.Queue.MaxBytes, status.Queue.Segments, status.Sites[0].Cycles)
		}
		return nil
	})
	peak := peakMemory(t, running)
	last := status.Sites[0].Recent[0]
	t.Logf("%d samples a cycle, %d cycles, %d bytes in the queue, peak RSS %.1f MiB", last.Samples, status.Sites[0].Cycles, status.Queue.Bytes, float64(peak)/(1<<20))
	if last.Samples < series {
		t.Errorf("a cycle has %d samples, want %d at least", last.Samples, series)
	}
	if peak >= limit {
		t.Errorf("peak RSS is %d bytes, want less than %d", peak, limit)
	}
}

// ask is what a running agent says of itself.
func ask(listen string) (page.Status, error) {
	var s page.Status
	body, err := fetch(http.DefaultClient, "http://"+listen+"/status.json")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, err
	}
	if len(s.Sites) == 0 || len(s.Sites[0].Recent) == 0 {
		return s, errors.New("no cycle is finished")
	}
	return s, nil
}
