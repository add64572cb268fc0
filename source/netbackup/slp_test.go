package netbackup

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// Every release lists the images that lack a copy; those that are complete are never read (catalog.yaml, slpImageState).
func TestIncompleteCopiesOfEachRelease(t *testing.T) {
	for _, release := range []string{"10.3", "10.5", "11.0", "11.2"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			now := r.sim.Now()
			oldest := now.Add(-30 * time.Hour).Truncate(time.Second)
			made := nbusim.SLPCopy{Type: "BACKUP", State: "COPYCOMPLETE"}
			r.sim.AddSLPImages(
				nbusim.SLPImage{SLP: "gold", State: "COMPLETE", At: now.Add(-90 * time.Hour), Copies: []nbusim.SLPCopy{made, {Type: "DUPLICATE", State: "COPYCOMPLETE"}}},
				nbusim.SLPImage{SLP: "gold", At: oldest},
				nbusim.SLPImage{SLP: "gold", At: now.Add(-time.Hour)},
				nbusim.SLPImage{SLP: "gold", State: "NOT_STARTED", At: now, Copies: []nbusim.SLPCopy{made}},
				nbusim.SLPImage{SLP: "gold", State: "IN_PROCESS|INACTIVE", At: now, Copies: []nbusim.SLPCopy{made, {Type: "DUPLICATE", State: "NOT_STARTED|INACTIVE"}}},
				nbusim.SLPImage{SLP: "import", State: "NOT_STARTED|INACTIVE", At: now.Add(25 * time.Hour), Copies: []nbusim.SLPCopy{{Type: "IMPORT", State: "IMPORT_PENDING"}}},
				nbusim.SLPImage{SLP: "late", At: now.Add(-900 * time.Hour), Copies: []nbusim.SLPCopy{made, {Type: "DUPLICATE", State: "DEFERRED"}}},
			)
			r.sim.AddSLPs(nbusim.SLP{Name: "gold"}, nbusim.SLP{Name: "import", Inactive: true})
			r.tick()
			r.want(2, "nbu_slp_images", "slp", "gold", "state", "IN_PROCESS")
			r.want(1, "nbu_slp_images", "slp", "gold", "state", "NOT_STARTED")
			r.want(1, "nbu_slp_images", "slp", "gold", "state", "IN_PROCESS|INACTIVE")
			r.want(1, "nbu_slp_images", "slp", "import", "state", "NOT_STARTED|INACTIVE")
			r.want(none(), "nbu_slp_images", "state", "COMPLETE")
			r.want(2, "nbu_slp_copies", "slp", "gold", "copy_type", "DUPLICATE", "state", "IN_PROCESS")
			r.want(4, "nbu_slp_copies", "slp", "gold", "copy_type", "BACKUP", "state", "COPYCOMPLETE")
			r.want(1, "nbu_slp_copies", "slp", "import", "copy_type", "IMPORT", "state", "IMPORT_PENDING")
			r.want(float64(oldest.UnixMilli())/1000, "nbu_slp_oldest_incomplete_timestamp_seconds", "slp", "gold")
			r.want(none(), "nbu_slp_oldest_incomplete_timestamp_seconds", "slp", "import") // of a day to come
			r.want(none(), "nbu_slp_oldest_incomplete_timestamp_seconds", "slp", "late")   // waits on purpose
			r.want(1, "nbu_slp_active", "slp", "gold")
			r.want(0, "nbu_slp_active", "slp", "import")
			for _, q := range r.sim.RequestLog() {
				if strings.HasSuffix(q.Path, "/catalog/slp-images") && !strings.Contains(q.Query, "slpImageState") {
					t.Errorf("%s: all images were asked for: %s", release, q.Query)
				}
			}
		})
	}
}

// A long backlog is read over several cycles, going on where it was, and until it is whole nothing is shown of it.
func TestLongBacklogIsReadOverSeveralCycles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		const images = 30_000
		r.sim.AddSLPImages(make([]nbusim.SLPImage, images)...)
		r.tick()
		r.want(none(), "nbu_slp_images")
		asked := r.sim.Requests("/catalog/slp-images")
		r.tick()
		r.want(images, "nbu_slp_images", "slp", "gold", "state", "IN_PROCESS")
		if asked != 50 || r.sim.Requests("/catalog/slp-images") != 63 { // sixty pages and three lists that are empty
			t.Errorf("%d requests in the first cycle, %d in both", asked, r.sim.Requests("/catalog/slp-images"))
		}
		r.want(1, "nbu_collector_success", "collector", "slp")
	})
}

// What a row leaves out costs that, and the policies are read where the images are refused, and the other way round.
func TestUntidyCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/config/slps", Effect: nbusim.Status(404)})
		r.sim.Inject(nbusim.Fault{Path: "/catalog/slp-images", Effect: nbusim.Body(`{"data":[
{"id":"a","attributes":{"slpName":"gold","slpImageState":"IN_PROCESS","backupTime":"1970-01-01T00:00:00.000Z","copies":[null,{"copyType":null,"copyState":7},"x"]}},
{"id":"b","attributes":{"slpName":"gold","slpImageState":null,"backupTime":"soon","copies":{}}},
{"id":"c","attributes":{"slpName":null,"slpImageState":"IN_PROCESS"}},
{"id":"d","attributes":{"slpName":"gold","slpImageState":"COMPLETE"}}]}`)})
		r.tick()
		r.want(2, "nbu_slp_images", "slp", "gold", "state", "IN_PROCESS") // one row in each list says nothing of its state
		r.want(none(), "nbu_slp_images", "state", "COMPLETE")
		r.want(none(), "nbu_slp_oldest_incomplete_timestamp_seconds")
		r.want(1, "nbu_collector_success", "collector", "slp")
		r.want(none(), "nbu_collector_success", "collector", "slp_active") // not offered
		r.sim.ClearFaults()
		r.sim.AddSLPs(nbusim.SLP{Name: "gold"})
		r.sim.Inject(nbusim.Fault{Path: "/catalog/slp-images", Effect: nbusim.Status(403)})
		for range 20 {
			r.tick()
		}
		r.want(0, "nbu_collector_success", "collector", "slp")
		r.want(1, "nbu_slp_active", "slp", "gold")
	})
}

// A role that does not show them gets empty lists; a server that makes up policies without end costs this collector alone.
func TestCopiesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit(), Keys: []nbusim.APIKey{{Key: nbusim.DefaultKey, Roles: nbusim.Roles{nbusim.NamespaceStorageUnits}}}})
		r.sim.AddSLPImages(nbusim.SLPImage{})
		r.tick()
		r.want(none(), "nbu_slp_images")
		r.want(1, "nbu_collector_success", "collector", "slp")
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		for i := range 9_000 {
			r.sim.AddSLPImages(nbusim.SLPImage{SLP: "made-up-" + strconv.Itoa(i)})
		}
		r.tick()
		r.want(none(), "nbu_slp_images")
		r.want(0, "nbu_collector_success", "collector", "slp")
		r.want(1, "nbu_collector_success", "collector", "storage")
	})
}
