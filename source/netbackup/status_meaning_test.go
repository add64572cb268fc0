package netbackup

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
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

// From 10.5 on the server says what a status means. It is asked once for each that was seen, and a few a cycle; its words go before the
// table's, which stand in where it has none.
func TestStatusesInTheWordsOfTheServer(t *testing.T) {
	t.Parallel()
	for release, offered := range map[string]bool{"10.3": false, "10.5": true, "11.0": true, "11.2": true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			statuses := []int{0, 58, 77_777, 12, 13, 14, 20, 21, 23, 24, 25, 26}
			for _, status := range statuses {
				r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "client-" + strconv.Itoa(status), Life: nbusim.Run(time.Second, time.Second, status)})
			}
			time.Sleep(10 * time.Second)
			r.tick()
			r.want(1, "nbu_status_code_info", "status", "58", "message", "the client cannot be reached")
			if asked := r.asked("/status-codes/"); asked > 5 {
				t.Errorf("%s: %d statuses are asked for in a cycle", release, asked)
			}
			for range 30 {
				r.tick()
			}
			want := map[bool]string{false: "the client cannot be reached", true: "can't connect to client"}[offered]
			r.want(1, "nbu_status_code_info", "status", "58", "message", want)
			r.want(1, "nbu_status_code_info", "status", "58")
			r.want(1, "nbu_status_code_info", "status", "12", "message", statusMeanings()[12])
			r.want(none(), "nbu_status_code_info", "status", "77777")
			if asked := r.asked("/status-codes/"); asked != len(statuses) {
				t.Errorf("%s: asked %d times for %d statuses", release, asked, len(statuses))
			}
			if meaning := r.row("client-58").Meaning; meaning != want {
				t.Errorf("%s: the page says %q, want %q", release, meaning, want)
			}
		})
	}
}

// asked is how often a path was that begins so.
func (r *rig) asked(path string) (n int) {
	for _, x := range r.sim.RequestLog() {
		if strings.HasPrefix(x.Path, path) {
			n++
		}
	}
	return n
}

// A server that does not answer is asked again later; words that cannot be read cost their status alone.
func TestStatusesAreAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		for _, status := range []int{1, 58} {
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: nbusim.Run(time.Second, time.Second, status)})
		}
		mend := r.sim.Inject(nbusim.Fault{Path: "/status-codes/*", Effect: nbusim.Status(http.StatusServiceUnavailable)})
		time.Sleep(10 * time.Second)
		for range 10 {
			r.tick()
		}
		if asked := r.asked("/status-codes/"); asked == 0 || asked > 10 {
			t.Errorf("asked %d times", asked)
		}
		mend()
		r.sim.Inject(nbusim.Fault{Path: "/status-codes/1", Effect: nbusim.Body(`{"data":{"attributes":`)})
		for range 20 {
			r.tick()
		}
		r.want(1, "nbu_status_code_info", "status", "58", "message", "can't connect to client")
		r.want(1, "nbu_status_code_info", "status", "1", "message", statusMeanings()[1])
	})
}
