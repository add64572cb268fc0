package send

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
)

// A receiver that begins to refuse everything in the middle of a bisect says nothing of the samples: only the bad one is rejected,
// whenever it begins and however long it goes on.
func TestBisectWhereTheReceiverBeginsToRefuseEverything(t *testing.T) {
	for _, status := range []int{400, 422} {
		for _, after := range []int{3, 5, 8, 11} { // requests
			for _, refused := range []int{40, 90, 127, 128, 129, 200, 500} { // requests in a row
				t.Run(fmt.Sprintf("%d after %d for %d", status, after, refused), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := testwindow.Unique(testwindow.New(30, 10))
						bad := testwindow.Points(w, 21)[4]
						g := newRig(t, Config{}, receiver.Options{Whole: true, Poison: poisoned(bad.T)}, w)
						script := slices.Repeat([]receiver.Answer{{}}, after)
						g.receiver.Script(append(script, slices.Repeat([]receiver.Answer{{Status: status}}, refused)...)...)
						g.run(t, func() { time.Sleep(12 * time.Hour) })
						if got := g.sink.points(); len(got) != 1 || got[0] != RejectedPoint(bad) {
							t.Errorf("%d rejected, want only %v", len(got), bad)
						}
						g.holds(t, w, w.Samples-1)
					})
				})
			}
		}
	}
}

// A receiver with a limit on requests, that takes none right after another, is no receiver that refuses everything: what is bad is
// found all the same.
func TestBisectAtAReceiverWithALimit(t *testing.T) {
	for _, status := range []int{429, 503} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := testwindow.Unique(testwindow.New(10, 4))
				bad := testwindow.Points(w, 9)[3]
				g := newRig(t, Config{}, receiver.Options{Whole: true, Poison: poisoned(bad.T)}, w)
				for range 1000 { // every other request
					g.receiver.Script(receiver.Answer{}, receiver.Answer{Status: status})
				}
				g.run(t, func() { time.Sleep(time.Hour) })
				if got := g.sink.points(); len(got) != 1 || got[0] != RejectedPoint(bad) || g.tape.place() != 1 {
					t.Errorf("rejected %v, want %v; at window %d", got, bad, g.tape.place())
				}
				g.holds(t, w, w.Samples-1)
			})
		})
	}
}

// A receiver that calls one sample too large has said nothing of sizes: when it takes samples again, requests are as large as before.
func TestSizeAfterEverythingWasTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{MaxSamples: 1000}, receiver.Options{}, testwindow.New(500, 2))
		g.receiver.Always(&receiver.Answer{Status: 413})
		g.run(t, func() {
			time.Sleep(10 * time.Minute)
			g.receiver.Always(nil)
			time.Sleep(10 * time.Minute)
			if n := g.endpoint.sizing.limits().Samples; n != 1000 {
				t.Errorf("%d samples a request, want 1000", n)
			}
		})
	})
}
