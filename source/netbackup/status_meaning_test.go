package netbackup

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// Every line of the table is read, in order and once; the samples are those of the vendor's guide that everybody knows.
func TestStatusMeanings(t *testing.T) {
	t.Parallel()
	meanings := statusMeanings()
	if lines := strings.Count(statusText, "\n"); len(meanings) != lines || slices.Contains(slices.Collect(maps.Values(meanings)), "") {
		t.Errorf("%d meanings of %d lines", len(meanings), lines)
	}
	for status, words := range map[int32]string{0: "success", 150: "cancelled", 196: "window", 2074: "disk volume is down"} {
		if !strings.Contains(meanings[status], words) {
			t.Errorf("status %d: %q, want %q", status, meanings[status], words)
		}
	}
}

// What a status means is told of those that have been seen, also after a restart, and of none whose meaning nobody knows.
func TestSeenStatusesAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		for _, status := range []int{0, 58, 58, 77_777} {
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: nbusim.Run(time.Second, time.Second, status)})
		}
		time.Sleep(10 * time.Second)
		r.tick()
		r.start()
		r.tick()
		r.want(1, "nbu_status_code_info", "status", "58", "message", "the client cannot be reached")
		r.want(1, "nbu_status_code_info", "status", "0", "message", "success")
		if _, series := r.live("nbu_status_code_info"); series != 2 {
			t.Errorf("%d statuses are explained, want 2", series)
		}
	})
}
