package nbusim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"backwire/source/netbackup/nbusim"
	"backwire/source/netbackup/nbusim/vendordoc"
)

// versions are the releases of the collection and their media type versions.
func versions() map[string]string {
	return map[string]string{"10.3": "10.0", "10.5": "12.0", "11.0": "13.0", "11.2": "14.0"}
}

type checked struct {
	t       *testing.T
	version string
	client  *http.Client
	server  *nbusim.Server
}

func newChecked(t *testing.T, docs *vendordoc.Collection, release, version string) *checked {
	t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 250e6, time.UTC)
	s, err := nbusim.New(nbusim.Options{
		Release: release, Clock: func() time.Time { return at }, Storage: nbusim.NewEstate(24),
		Keys:  []nbusim.APIKey{{Key: nbusim.DefaultKey, Tag: "tag-1"}},
		Users: []nbusim.User{{Name: "user", Password: "secret"}, {Name: "mfa", Password: "secret", MFA: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.AddHistory(nbusim.Workload{Seed: 3, Turbulence: 0.5}, 300, 24*time.Hour)
	s.AddPolicy(nbusim.Policy{Name: "other", Type: "Hadoop", Clients: []string{"hdfs-1"}, Schedules: []nbusim.Schedule{{
		Name: "monthly", BackupType: "Full Backup", On: nbusim.Calendar{LastOfMonth: true, OfMonth: []int{15}, OfWeek: []string{"5:1"}},
		Except: nbusim.Calendar{Dates: []string{"2026-05-15"}}, Later: true, Windows: nbusim.Windows(20*time.Hour, 8*time.Hour, time.Monday, time.Friday),
	}}})
	s.AddFindings()
	s.AddImages(nbusim.Image{At: at, MalwareStatus: "INFECTION_DETECTED_BY_FILE_HASH_SEARCH", AnomalyStatus: "FALSE_POSITIVE"})
	s.AddJob(nbusim.JobSpec{})
	s.AddJob(nbusim.JobSpec{Life: []nbusim.Step{{State: nbusim.Active}, {After: time.Hour, State: nbusim.Done}}})
	c := &checked{t: t, version: version, server: s}
	c.client = &http.Client{Transport: &vendordoc.Transport{
		Documents: docs, Next: s.Transport(), Mount: nbusim.Mount,
		Report: func(err error) { t.Errorf("%s: %v", release, err) },
	}}
	return c
}

func (c *checked) ask(method, path, body string, want int) []byte {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, "https://primary"+nbusim.Mount+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	base := "application/vnd.netbackup+json"
	if strings.HasPrefix(path, "/ping") {
		base = "text/vnd.netbackup+plain"
	}
	req.Header.Set("Accept", base+";version="+c.version)
	req.Header.Set("Authorization", nbusim.DefaultKey)
	if body != "" {
		req.Header.Set("Content-Type", base+";version="+c.version)
	} else {
		req.Body = nil
	}
	resp, err := c.client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if resp.StatusCode != want {
		c.t.Errorf("%s %s answered %d, want %d", method, path, resp.StatusCode, want)
	}
	return got
}

// attributes are the names in the answer for one object, sorted.
func (c *checked) attributes(path string) []string {
	c.t.Helper()
	var one struct {
		Data struct{ Attributes map[string]any }
	}
	if err := json.Unmarshal(c.ask(http.MethodGet, path, "", http.StatusOK), &one); err != nil {
		c.t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(one.Data.Attributes))
}

func TestVendorDocuments(t *testing.T) {
	docs := vendordoc.Open(vendordoc.Directory(t)) // parsed once for all of them
	t.Run("every answer is as documented", func(t *testing.T) { testAnswers(t, docs) })
	t.Run("a job has every attribute", func(t *testing.T) { testAttributes(t, docs) })
	t.Run("what is undocumented is reported", func(t *testing.T) { testReports(t, docs) })
}

func testAnswers(t *testing.T, docs *vendordoc.Collection) {
	for release, version := range versions() {
		c := newChecked(t, docs, release, version)
		for _, path := range []string{
			"/ping", "/security/cacert", "/security/serverinfo", "/security/servertime", "/authorization-context",
			"/security/api-keys", "/security/api-keys/tag-1", "/admin/jobs/301", "/admin/jobs/302", "/admin/jobs/7",
			"/storage/storage-units", "/storage/disk-pools", "/storage/storage-servers", "/storage/drives", "/storage/drives?page%5Blimit%5D=100",
			"/storage/storage-units?page%5Blimit%5D=500&page%5Boffset%5D=3", "/storage/disk-pools?page%5Blimit%5D=5",
			"/storage/storage-units/stu-tape-5", "/storage/disk-pools/pool-msdp-1:PureDisk",
			"/admin/jobs?page%5Blimit%5D=100&sort=lastUpdateTime",
			"/admin/jobs?filter=" + url.QueryEscape("state ne 'DONE'"),
			"/config/policies/", "/config/policies/?page%5Blimit%5D=500&page%5Boffset%5D=0", "/config/policies/linux-01",
			"/config/policies/windows-02", "/config/policies/vm-03", "/config/policies/oracle-04", "/config/policies/mssql-05",
			"/config/policies/filer-06", "/config/policies/cloud-07", "/config/policies/catalog-08", "/config/policies/other",
			"/manage/alerts", "/manage/alerts?page%5Blimit%5D=100&page%5Boffset%5D=0",
			"/malware/latest-scan-results", "/malware/latest-scan-results?page%5Blimit%5D=100&page%5Boffset%5D=1",
			"/catalog/images", "/catalog/images?page%5Blimit%5D=100&page%5Boffset%5D=1",
			"/security/certificates/current", "/licensing/entitlements?page%5Blimit%5D=100&page%5Boffset%5D=0", "/licensing/capacity?page%5Blimit%5D=10",
			"/security/key-management-services?page%5Blimit%5D=100&page%5Boffset%5D=0", "/security/key-management-services/nbkms/key-details?page%5Blimit%5D=100&page%5Boffset%5D=0",
			"/security/auditlogs", "/security/auditlogs?page%5Blimit%5D=100&page%5Boffset%5D=0&filter=" + url.QueryEscape("category eq 'CATALOG' and auditDateTime gt 2026-02-28T12:00:00.000Z"),
			"/security/anomalies", "/security/anomalies?page%5Blimit%5D=100&page%5Boffset%5D=1",
			"/catalog/slp-images", "/catalog/slp-images?page%5Blimit%5D=5&filter=" + url.QueryEscape("slpImageState eq 'IN_PROCESS'"),
			"/catalog/slp-images?page%5Blimit%5D=1000&filter=" + url.QueryEscape("slpImageState eq 'IN_PROCESS|INACTIVE'"),
			"/admin/hosts/uuid-media-2/services",
			"/servicecatalog/slos", "/servicecatalog/slos?page%5Blimit%5D=100&page%5Boffset%5D=0",
		} {
			c.ask(http.MethodGet, path, "", http.StatusOK)
		}
		for _, path := range []string{
			"/storage/tape-media", "/storage/tape-media?page%5Blimit%5D=1", "/storage/tape-media?page%5Blimit%5D=100&page%5Bafter%5D=after-A00001",
			"/storage/tape-volume-pools", "/storage/tape-volume-pools?page%5Blimit%5D=100", "/storage/robots-device-hosts",
			"/config/media-servers", "/config/media-servers?page%5Blimit%5D=500&page%5Boffset%5D=0",
			"/config/hosts", "/config/hosts?filter=" + url.QueryEscape("nbuHostType eq 'MEDIA_SERVER'"),
			"/config/slps", "/config/slps?page%5Blimit%5D=100&page%5Boffset%5D=1",
		} {
			if release != "10.3" { // has no tapes, and of media servers, SLPs and hosts no document that can be read
				c.ask(http.MethodGet, path, "", http.StatusOK)
			}
		}
		if release != "11.0" { // has no document of the event log
			c.ask(http.MethodGet, "/eventlog/notifications?page%5Blimit%5D=100&filter="+url.QueryEscape("createdDateTime ge 2026-02-28T12:00:00.000Z"), "", http.StatusOK)
		}
		if release == "10.5" || release == "11.0" { // the others have no document of it
			c.ask(http.MethodGet, "/status-codes/58", "", http.StatusOK)
			c.ask(http.MethodGet, "/status-codes/77777", "", http.StatusNotFound)
		}
		c.ask(http.MethodGet, "/admin/jobs?page%5Blimit%5D=101", "", http.StatusBadRequest)
		c.ask(http.MethodGet, "/admin/jobs?filter=nonsense", "", http.StatusBadRequest)
		c.ask(http.MethodGet, "/admin/jobs/9999", "", http.StatusNotFound)
		c.ask(http.MethodGet, "/storage/storage-units/none", "", http.StatusNotFound)
		c.ask(http.MethodGet, "/admin/hosts/none/services", "", http.StatusNotFound)
		c.ask(http.MethodPost, "/login", `{"userName":"user","password":"secret"}`, http.StatusCreated)
		c.ask(http.MethodPost, "/login", `{"userName":"mfa","password":"secret"}`, http.StatusCreated)
		c.ask(http.MethodPost, "/login", `{"userName":"user","password":"wrong"}`, http.StatusUnauthorized)
		c.ask(http.MethodPost, "/logout", "", http.StatusOK)
		c.server.SetKeys(nbusim.APIKey{Key: nbusim.DefaultKey, Roles: nbusim.NoRoles()})
		for _, path := range []string{"/admin/jobs", "/storage/storage-units", "/security/api-keys", "/authorization-context"} {
			c.ask(http.MethodGet, path, "", http.StatusOK)
		}
		c.server.SetKeys(nbusim.APIKey{Key: "another"})
		for _, path := range []string{"/admin/jobs", "/storage/storage-units", "/storage/disk-pools", "/authorization-context"} {
			c.ask(http.MethodGet, path, "", http.StatusUnauthorized)
		}
	}
}

func testAttributes(t *testing.T, docs *vendordoc.Collection) {
	for release, version := range versions() {
		documented, err := docs.Attributes(version, "/admin/jobs")
		if err != nil {
			t.Fatal(err)
		}
		if got := newChecked(t, docs, release, version).attributes("/admin/jobs/1"); !slices.Equal(got, documented) {
			t.Errorf("%s: the attributes are\n%v\nthe documents have\n%v", release, got, documented)
		}
	}
}

func testReports(t *testing.T, docs *vendordoc.Collection) {
	c := newChecked(t, docs, "11.0", "13.0")
	var reported []string
	c.client.Transport.(*vendordoc.Transport).Report = func(err error) { reported = append(reported, fmt.Sprint(err)) }
	for _, path := range []string{
		"/admin/jobs?page%5Boffset%5D=10", "/storage/storage-units?page%5Bafter%5D=x", "/ping?x=1",
	} {
		reported = nil
		c.ask(http.MethodGet, path, "", http.StatusOK)
		if len(reported) != 1 {
			t.Errorf("%s: reported %v", path, reported)
		}
	}
	c.server.Inject(nbusim.Fault{Path: "/admin/jobs", Times: 1, Effect: nbusim.Body(`{"data":[{"id":1}]}`)})
	reported = nil
	c.ask(http.MethodGet, "/admin/jobs", "", http.StatusOK)
	if len(reported) != 1 {
		t.Errorf("a numeric id was not reported: %v", reported)
	}
}
