package netbackup

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/compat"
	"backwire/source/netbackup/nbusim"
)

// The sums of a list that was cut are not shown, and its collector has not succeeded.
func TestSumsOfACutListAreNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: nbusim.NewEstate(8)})
		r.sim.Inject(nbusim.Fault{Path: "/storage/tape-media", Effect: nbusim.Body(`{"data":[{"id":"t1","attributes":{}}],"meta":{"pagination":{"next":null,"hasNext":true}}}`)})
		r.tick()
		r.want(0, "nbu_collector_success", "collector", collectorTapeMedia)
		r.want(none(), "nbu_tape_media")
	})
}

// A sum over rows of which one does not give the figure is not known. A scan that has not begun has read nothing.
func TestSumWithoutAFigureIsAbsent(t *testing.T) {
	const whole = `{"id":"1","attributes":{"scanState":"SCAN_COMPLETED","numberOfFilesScanned":7,"numberOfFilesImpacted":2}}`
	for row, want := range map[string][2]float64{
		`"scanState":"SCAN_COMPLETED","numberOfFilesScanned":5,"numberOfFilesImpacted":0`:    {12, 2},
		`"scanState":"SCAN_COMPLETED","numberOfFilesScanned":null,"numberOfFilesImpacted":1`: {none(), 3},
		`"scanState":"SCAN_COMPLETED","numberOfFilesScanned":5`:                              {12, none()},
		`"scanState":"SCAN_COMPLETED","numberOfFilesScanned":-1,"numberOfFilesImpacted":"x"`: {none(), none()},
		`"scanState":"PENDING"`: {7, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: nbusim.NewEstate(8)}, func(c *SiteConfig) { c.Compat = compat.Name })
			list := `{"data":[` + whole + `,{"id":"2","attributes":{` + row + `}}],"meta":{"pagination":{}}}`
			r.sim.Inject(nbusim.Fault{Path: "/malware/latest-scan-results", Effect: nbusim.Body(list)})
			r.tick()
			for i, names := range [][]string{{"nbu_malware_scanned_files", "nbu_malware_files_scanned"}, {"nbu_malware_impacted_files", "nbu_malware_files_infected"}} {
				for _, name := range names {
					r.want(want[i], name)
				}
			}
			if n, _ := r.live("nbu_malware_scans"); n != 2 {
				t.Errorf("%s: %v scans", row, n)
			}
		})
	}
}

// A label that is missing for a cycle ends no series and begins no other: what was shown once stays what is shown.
func TestLabelsOutliveAnAnswerWithoutThem(t *testing.T) {
	watched := []string{"nbu_disk_", "nbu_storage_", "nbu_tape_drive_up", "nbu_tape_pool", "nbu_server_info"}
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: nbusim.NewEstate(16)}, func(c *SiteConfig) { c.Collect = []string{"all", "-jobs", "-policies"} })
			r.tick()
			shown := map[string]bool{}
			for _, x := range r.batch.Samples {
				shown[x.Series.Key()] = true
			}
			r.sim.BeUntidy(nbusim.Untidy{Seed: seed, OneNull: 6})
			again := 0
			for range 40 {
				r.tick()
				for _, x := range r.batch.Samples {
					is := func(prefix string) bool { return strings.HasPrefix(x.Series.Name, prefix) }
					switch {
					case !slices.ContainsFunc(watched, is):
					case shown[x.Series.Key()]:
						again++
					default:
						t.Errorf("seed %d: %s%v began", seed, x.Series.Name, x.Series.Labels)
					}
				}
			}
			if again < 400 {
				t.Errorf("seed %d: only %d samples", seed, again)
			}
		})
	}
}
