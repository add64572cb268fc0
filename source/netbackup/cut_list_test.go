package netbackup

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/nbusim"
)

// A cursor is documented for each page but the last (storage.yaml of 10.5 and 11.0), and hasNext as "indicates whether there
// are more records". A list that ends against what its server says is cut.
func TestListThatIsCutIsNoWholeOne(t *testing.T) {
	t.Parallel()
	const tape = `{"id":"t1","attributes":{"mediaStatus":"ACTIVE"}}`
	for pagination, whole := range map[string]bool{
		`"limit":100`:                   true,
		`"next":null`:                   true,
		`"next":null,"hasNext":false`:   true,
		`"next":null,"hasNext":null`:    true,
		`"count":1`:                     true,
		`"count":-1`:                    true,
		`"next":null,"hasNext":true`:    false,
		`"hasNext":true`:                false,
		`"next":"","hasNext":"true"`:    false,
		`"next":{"x":1},"hasNext":true`: false,
		`"next":null,"count":250`:       false,
	} {
		c := newTestClient(t, func(*http.Request) *http.Response { return reply(200, offsetPage(pagination, tape)) })
		times, err := collected(c.TapeMedia(t.Context()), func(m TapeMedium) string { return m.ID })
		if times["t1"] != 1 || (err == nil) != whole || err != nil && !errors.Is(err, ErrPages) {
			t.Errorf("{%s}: %v, error %v; whole: %v", pagination, times, err, whole)
		}
	}
	for name, second := range map[string]string{
		"null for the rows":       `{"data":null,"meta":{"pagination":{}}}`,
		"nothing, and more":       offsetPage(`"hasNext":true`),
		"nothing, and an offset":  offsetPage(`"next":300`),
		"no entity":               "404",
		"the same page once more": "again",
	} {
		first := make([]string, 100)
		for i := range first {
			first[i] = drive("d" + itoa(i))
		}
		c := newTestClient(t, func(r *http.Request) *http.Response {
			switch {
			case r.URL.Query().Get("page[offset]") == "0" || second == "again":
				return reply(200, offsetPage(`"count":250`, first...))
			case second == "404":
				return reply(404, `{"errorCode":227,"errorMessage":"no entity was found"}`)
			}
			return reply(200, second)
		})
		times, err := collected(c.TapeDrives(t.Context()), driveName)
		if len(times) != 100 || err == nil {
			t.Errorf("%s: %d drives, error %v", name, len(times), err)
		}
	}
	c := newTestClient(t, func(*http.Request) *http.Response {
		return reply(200, offsetPage(`"hasNext":true`, drive("robot-host")))
	})
	if _, err := collected(c.RobotHosts(t.Context()), func(s string) string { return s }); !errors.Is(err, ErrPages) {
		t.Errorf("a list without pages: %v", err)
	}
}

// The sums of a list that was cut are not shown, and its collector has not succeeded.
func TestSumsOfACutListAreNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: nbusim.NewEstate(8)})
		r.sim.Inject(nbusim.Fault{Path: "/storage/tape-media", Effect: nbusim.Body(offsetPage(`"next":null,"hasNext":true`, `{"id":"t1","attributes":{}}`))})
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
			r := newRig(t, nbusim.Options{Storage: nbusim.NewEstate(8)}, func(c *SiteConfig) { c.Compat = CompatExporter })
			list := offsetPage("", whole, `{"id":"2","attributes":{`+row+`}}`)
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

// A proxy's refusal says nothing of the versions that NetBackup speaks.
func TestRefusalOfAnotherKeepsTheVersion(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 405, 406, 409, 410, 415, 418, 421, 426, 451} {
		for _, body := range []string{"", "<html>no</html>", `{"error":"not acceptable"}`} {
			s, refuse := &versioned{newest: 14, silent: true}, false
			c := s.client(t, func(c *Config) {
				c.Transport = roundTrip(func(r *http.Request) *http.Response {
					if a := s.serve(r); !refuse || r.URL.Path == "/netbackup/ping" {
						return a
					}
					return reply(status, body)
				})
			})
			refuse = true
			if _, err := collected(c.Jobs(t.Context(), JobQuery{}), func(Job) string { return "" }); !errors.Is(err, ErrForeign) {
				t.Errorf("%d %s: error %v", status, body, err)
			}
			refuse = false
			listJobs(t, c, JobQuery{})
			if slices.ContainsFunc(s.asked, func(v string) bool { return v != "14.0" }) {
				t.Errorf("%d %s: asked in %v", status, body, s.asked)
			}
		}
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

// After a restart the times that the server stamped are shown in this host's before the server has answered.
func TestSkewOutlivesARestart(t *testing.T) {
	t.Parallel()
	for _, skew := range []int64{0, 999, -5000, 3_600_000, -86_400_000} {
		before, after := clock{skew: skew}, clock{}
		for _, c := range before.changes() {
			if err := after.restore(c.Value); err != nil {
				t.Fatal(err)
			}
		}
		if d := after.skew - skew; d > 1000 || d < -1000 {
			t.Errorf("%d ms are remembered as %d", skew, after.skew)
		}
		if again := before.changes(); len(again) != 0 {
			t.Errorf("%d ms are written again", skew)
		}
	}
	for _, broken := range []string{"", "\x01", "\x02\x00", "\x01\xff"} {
		if err := (&clock{}).restore([]byte(broken)); err == nil {
			t.Errorf("%q is read", broken)
		}
	}
}
