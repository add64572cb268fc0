package api

import (
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
	"backwire/source/netbackup/nbusim/vendordoc"
)

// roundTrip is a server in memory: no network, so that synctest's clock stands still
// only where the client waits.
type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return f(r), nil
}

// reply is an answer with headers given as name, value, name, value.
func reply(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{
		StatusCode: status, Header: h, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

// pong answers /ping as a server of this version does.
func pong(version string) *http.Response {
	return reply(http.StatusOK, "1519397648169", "X-NetBackup-API-Version", version)
}

// newTestClient talks to serve; /ping is answered for it.
func newTestClient(t *testing.T, serve roundTrip, change ...func(*Config)) *Client {
	t.Helper()
	u, err := url.Parse("https://primary.example:1556/netbackup")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Site: "paris", URL: u,
		APIKey: func() (string, error) { return "key", nil },
		Transport: roundTrip(func(r *http.Request) *http.Response {
			if r.URL.Path == "/netbackup/ping" {
				return pong("14.0")
			}
			return serve(r)
		}),
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := NewClient(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// releases are the vendor's, with the newest media type version of each.
func releases() map[string]string {
	return map[string]string{"10.3": "10.0", "10.5": "12.0", "11.0": "13.0", "11.2": "14.0"}
}

// estate is storage of each kind that behaves in its own way.
func estate() nbusim.Estate {
	e := nbusim.Estate{
		Units: []nbusim.StorageUnit{
			{Name: "stu-msdp", Category: nbusim.MSDP, Pool: "pool-msdp", MaxConcurrentJobs: 50},
			{Name: "stu-cloud", Category: nbusim.Cloud, Pool: "pool-cloud", MaxConcurrentJobs: 5},
			{Name: "stu-tape", Category: nbusim.Tape, MaxConcurrentJobs: 4},
			{Name: "stu-basic", Category: nbusim.BasicDisk, Capacity: 1 << 40, Used: 1 << 39, MaxConcurrentJobs: 2},
		},
		Pools: []nbusim.DiskPool{
			{
				Name: "pool-msdp", Category: nbusim.MSDP, State: "UP", Capacity: 10 << 40, Used: 4 << 40, Servers: []string{"media-1"},
				Volumes: []nbusim.DiskVolume{{Name: "PureDiskVolume", State: "UP", Capacity: 10 << 40, Free: 6 << 40}},
			},
			{Name: "pool-cloud", Category: nbusim.Cloud, State: "DOWN", Capacity: nbusim.Boundless},
		},
		Servers: []nbusim.StorageServer{{Name: "media-1", Category: nbusim.MSDP, State: "UP", DedupRatio: 94.5}},
	}
	for i := range 700 {
		e.Units = append(e.Units, nbusim.StorageUnit{Name: "basic-" + strconv.Itoa(i), Category: nbusim.BasicDisk, Capacity: 1 << 30})
	}
	return e
}

// simulated is a server of this release in process, and a client of it.
func simulated(t *testing.T, o nbusim.Options, change ...func(*Config)) (*nbusim.Server, *Client) {
	t.Helper()
	s, err := nbusim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, newTestClient(t, nil, append([]func(*Config){func(c *Config) {
		c.Transport = s.Transport()
		c.APIKey = func() (string, error) { return nbusim.DefaultKey, nil }
	}}, change...)...)
}

func collect[T any](t *testing.T, rows func(func(T, error) bool)) []T {
	t.Helper()
	var all []T
	for v, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// Whatever the release and however odd the server writes: what comes out is its truth.
func TestEveryReleaseIsReadAsItIs(t *testing.T) {
	for release, version := range releases() {
		for _, odd := range []nbusim.Irregularity{nbusim.Regular, nbusim.EveryIrregularity} {
			t.Run(release+" irregularity "+strconv.Itoa(int(odd)), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, c := simulated(t, nbusim.Options{Release: release, Storage: estate(), Irregular: odd})
					if p, err := c.Ping(t.Context()); err != nil || p.APIVersion != version || !p.ServerTime.Equal(time.Now()) {
						t.Errorf("ping %+v %v, want version %s and %v", p, err, version, time.Now())
					}
					checkStorage(t, c)
					checkJobs(t, s, c)
					checkIdentity(t, c, release)
					if n := c.Problems().Snapshot(); len(n) != 0 {
						t.Errorf("problems %v, want none", n)
					}
				})
			})
		}
	}
}

func checkStorage(t *testing.T, c *Client) {
	t.Helper()
	units := map[string]StorageUnit{}
	for _, u := range collect(t, c.StorageUnits(t.Context())) {
		units[u.Name] = u
	}
	if len(units) != 704 {
		t.Errorf("%d storage units, want 704", len(units))
	}
	if u := units["stu-msdp"]; u.Capacity != some[int64](10<<40) || u.Used != some[int64](4<<40) || u.DiskPool == "" || u.MaxConcurrentJobs.Value != 50 {
		t.Errorf("unit %+v", u)
	}
	if u := units["stu-basic"]; u.Capacity != some[int64](1<<40) || u.Free != some[int64](1<<39) {
		t.Errorf("unit %+v", u)
	}
	for _, name := range []string{"stu-cloud", "stu-tape"} {
		if u := units[name]; u.Capacity.Given || u.Free.Given || u.Used.Given {
			t.Errorf("unit %+v has a capacity", u)
		}
	}
	pools := collect(t, c.DiskPools(t.Context()))
	if len(pools) != 2 || pools[0].Raw.Value < 10<<40 || pools[0].State != "UP" || len(pools[0].Volumes) != 1 || pools[1].Raw.Given {
		t.Errorf("pools %+v", pools)
	}
	servers := collect(t, c.StorageServers(t.Context()))
	if len(servers) != 1 || servers[0].Name != "media-1" || servers[0].State != "UP" || servers[0].DedupRatio.Value != 94.5 {
		t.Errorf("servers %+v", servers)
	}
}

// checkJobs lets 250 jobs end and compares each with the server's record.
func checkJobs(t *testing.T, s *nbusim.Server, c *Client) {
	t.Helper()
	for i := range 250 {
		s.AddJob(nbusim.JobSpec{
			Policy: "daily", Client: "client" + strconv.Itoa(i%7), ScheduleType: "FULL_BACKUP",
			Work: nbusim.Work{Kilobytes: 3 << 31, Moved: 1 << 20, Files: int64(i)},
			Life: nbusim.Run(time.Duration(i)*time.Second, time.Minute, i%3),
		})
	}
	time.Sleep(2 * time.Minute)
	open := collect(t, c.Jobs(t.Context(), JobQuery{Filter: "state ne 'DONE'"}))
	if len(open) == 0 || slices.ContainsFunc(open, func(j Job) bool { return !j.End.IsZero() }) {
		t.Errorf("%d open jobs, or one of them with an end", len(open))
	}
	time.Sleep(time.Hour)
	jobs := collect(t, c.Jobs(t.Context(), JobQuery{Filter: "state eq 'DONE'", Sort: "lastUpdateTime"}))
	if len(jobs) != 250 || !slices.IsSortedFunc(jobs, func(a, b Job) int { return a.LastUpdate.Compare(b.LastUpdate) }) {
		t.Fatalf("%d jobs, want 250 in the order of their update", len(jobs))
	}
	for _, j := range jobs {
		want, ok := s.Job(j.ID)
		if !ok || j.Client != want.Client || j.Policy != want.Policy || j.ScheduleType != want.ScheduleType ||
			j.Status != some(int64(want.Status)) || j.Try != int64(want.Try) || j.KilobytesTransferred != some(want.Work.Kilobytes) ||
			j.KilobytesDataTransferred != some(want.Work.Moved) || j.NumberOfFiles != some(want.Work.Files) ||
			!j.Start.Equal(want.Start) || !j.End.Equal(want.End) || !j.ActiveTryStart.Equal(want.TryStart) ||
			!j.LastUpdate.Equal(want.LastUpdate) {
			t.Fatalf("job\n%+v\nwant\n%+v", j, want)
		}
	}
}

func checkIdentity(t *testing.T, c *Client, release string) {
	t.Helper()
	if info, err := c.ServerInfo(t.Context()); err != nil || info != (ServerInfo{Name: "primary.example", Version: release}) {
		t.Errorf("server info %+v %v", info, err)
	}
	if id, err := c.Identity(t.Context()); err != nil || !id.Admin || !id.names("monitor") {
		t.Errorf("identity %+v %v", id, err)
	}
	if at, err := c.APIKeyExpiry(t.Context()); err != nil || at.Year() != 2001 {
		t.Errorf("API key expiry %v %v, want a year after the start", at, err)
	}
}

// A key without a role is answered 200 and no rows; its identity tells that from an
// empty server.
func TestKeyWithoutARoleIsToldFromAnEmptyServer(t *testing.T) {
	for roles, want := range map[bool]int{true: 0, false: 13} {
		key := nbusim.APIKey{Key: "k", User: "monitor"}
		if roles {
			key.Roles = nbusim.NoRoles()
		}
		_, c := simulated(t, nbusim.Options{Keys: []nbusim.APIKey{key}}, func(c *Config) {
			c.APIKey = func() (string, error) { return "k", nil }
		})
		if jobs := listJobs(t, c, JobQuery{}); len(jobs) != 0 {
			t.Errorf("%d jobs, want none either way", len(jobs))
		}
		if id, err := c.Identity(t.Context()); err != nil || len(id.Permissions) != want {
			t.Errorf("identity %+v %v, want %d permissions", id, err, want)
		}
	}
}

func TestSimulatedFaultsAreNamed(t *testing.T) {
	tests := map[string]struct {
		effect nbusim.Effect
		kind   Kind
		want   string
	}{
		"error body":       {nbusim.Status(403), ErrRole, "errorCode"},
		"older error body": {nbusim.OldStatus(500), ErrServer, "errorCode"},
		"busy":             {nbusim.RetryAfter(429, time.Hour), ErrBusy, "errorCode"},
		"proxy":            {nbusim.ProxyPage(), ErrDecode, "Sign in"},
		"redirect":         {nbusim.Redirect("https://elsewhere.example/"), ErrRedirect, "elsewhere"},
		"truncated":        {nbusim.Truncated(), ErrNetwork, "the answer ended after"},
		"oversized":        {nbusim.Oversized(bodyLimit), ErrLimit, "larger than"},
		"reset":            {nbusim.Reset(), ErrNetwork, "reset"},
		"slow body":        {nbusim.SlowBody(1, 10*time.Second), ErrNetwork, "the answer ended after"},
		"odd media type":   {nbusim.ContentType("text/plain"), "", ""},
		"filter refused":   {nbusim.RefuseFilter("lastUpdateTime"), ErrRequest, "filter=lastUpdateTime gt"},
		"empty list":       {nbusim.EmptyList(), "", ""},
		"not JSON":         {nbusim.Body("OK"), ErrDecode, `body "OK"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := simulated(t, nbusim.Options{})
				s.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: test.effect})
				var got error
				for _, err := range c.Jobs(t.Context(), JobQuery{Filter: "lastUpdateTime gt 2000-01-01T00:00:00.000Z"}) {
					got = err
				}
				if test.kind == "" && got != nil {
					t.Errorf("error %v, want none", got)
				}
				if test.kind != "" && (!errors.Is(got, test.kind) || !strings.Contains(got.Error(), test.want)) {
					t.Errorf("error %v, want %q with %q", got, test.kind, test.want)
				}
			})
		})
	}
}

func TestLoginAtTheSimulator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		user := nbusim.User{Name: "monitor", Password: "pw", DomainType: "unixpwd", DomainName: "primary.example", Validity: time.Hour}
		s, c := simulated(t, nbusim.Options{Users: []nbusim.User{user}}, func(c *Config) {
			c.APIKey, c.Username, c.DomainName, c.DomainType = nil, "monitor", "primary.example", "unixpwd"
			c.Password = func() (string, error) { return "pw", nil }
		})
		for range 3 {
			listJobs(t, c, JobQuery{})
			time.Sleep(45 * time.Minute)
		}
		if n := s.Requests("/login"); n != 2 {
			t.Errorf("%d logins in 90 minutes of an hour's validity, want 2", n)
		}
		listJobs(t, c, JobQuery{})
		if err := c.Close(t.Context()); err != nil || s.Sessions() != 0 {
			t.Errorf("%d sessions after Close, error %v; want none", s.Sessions(), err)
		}
	})
}

// The way that production runs: TLS, the primary's own CA, a real connection.
func TestOverTLSWithThePrimarysOwnCA(t *testing.T) {
	s, err := nbusim.New(nbusim.Options{Storage: estate()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.StartTLS("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, s.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	cas, err := FetchCA(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	for name, trusted := range map[string]func(*Config){
		"file":                 func(c *Config) { c.CAFile = file },
		"fingerprint":          func(c *Config) { c.CAFingerprint = s.Fingerprint() },
		"fingerprint, fetched": func(c *Config) { c.CAFingerprint = cas[0].Fingerprint },
	} {
		c := newTestClient(t, nil, trusted, func(c *Config) {
			c.URL, c.Transport = u, nil
			c.APIKey = func() (string, error) { return nbusim.DefaultKey, nil }
		})
		if units := collect(t, c.StorageUnits(t.Context())); len(units) != 704 {
			t.Errorf("%s: %d units, want 704", name, len(units))
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestClientNeedsAURL(t *testing.T) {
	for _, u := range []*url.URL{nil, {Scheme: "https"}} {
		if _, err := NewClient(Config{URL: u}, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("URL %v is accepted", u)
		}
	}
}

func TestSnapshotOfProblemsIsACopy(t *testing.T) {
	c := newTestClient(t, serveRows(`null`))
	listJobs(t, c, JobQuery{})
	clear(c.Problems().Snapshot())
	if got := c.Problems().Snapshot(); !maps.Equal(got, map[string]uint64{"job": 1}) {
		t.Errorf("problems %v, want one row", got)
	}
}

// The vendor's documents are the truth: every request that the client makes, and every
// answer that it was given, is held against those of the release.
func TestEveryRequestIsAsTheVendorDocuments(t *testing.T) {
	docs := vendordoc.Open(vendordoc.Directory(t))
	for release := range releases() {
		t.Run(release, func(t *testing.T) {
			users := []nbusim.User{{Name: "monitor", Password: "pw", DomainType: "vx", DomainName: "primary.example"}}
			s, err := nbusim.New(nbusim.Options{Release: release, Storage: withTapes(), Users: users, Keys: []nbusim.APIKey{{Key: "k"}, {Key: "other"}}})
			if err != nil {
				t.Fatal(err)
			}
			s.AddHistory(nbusim.Workload{Seed: 5, Turbulence: 0.3}, 150, 24*time.Hour)
			s.AddAlerts(nbusim.Alert{})
			s.AddMalwareScans(nbusim.MalwareScan{Scanned: 7, Impacted: 2})
			s.AddImages(nbusim.Image{At: time.Now()})
			s.AddSLOs(nbusim.SLO{Name: "gold"})
			checked := func(c *Config) {
				c.Transport = &vendordoc.Transport{
					Documents: docs, Next: s.Transport(), Mount: nbusim.Mount, Report: func(err error) { t.Error(err) },
				}
			}
			withKey := func(c *Config) { c.APIKey = func() (string, error) { return "k", nil } }
			if release != "10.3" { // does not offer them
				checkTapes(t, newTestClient(t, nil, checked, withKey))
			}
			askEverything(t, newTestClient(t, nil, checked, withKey))
			askEverything(t, newTestClient(t, nil, checked, func(c *Config) {
				c.APIKey, c.Username, c.DomainName, c.DomainType = nil, "monitor", "primary.example", "vx"
				c.Password = func() (string, error) { return "pw", nil }
			}))
			if s.Requests("/login") != 1 || s.Requests("/logout") != 1 {
				t.Errorf("%d logins, %d logouts, want one of each", s.Requests("/login"), s.Requests("/logout"))
			}
		})
	}
}

// askEverything makes each request that a client can make.
func askEverything(t *testing.T, c *Client) {
	t.Helper()
	_, pingErr := c.Ping(t.Context())
	_, infoErr := c.ServerInfo(t.Context())
	_, identityErr := c.Identity(t.Context())
	_, expiryErr := c.APIKeyExpiry(t.Context())
	if err := errors.Join(pingErr, infoErr, identityErr, expiryErr); err != nil {
		t.Error(err)
	}
	since := time.Now().Add(-48 * time.Hour).UTC().Format("2006-01-02T15:04:05.000Z")
	done := collect(t, c.Jobs(t.Context(), JobQuery{Filter: "state eq 'DONE' and lastUpdateTime ge " + since, Sort: "lastUpdateTime"}))
	all := collect(t, c.Jobs(t.Context(), JobQuery{}))
	if len(done) < 100 || len(all) < len(done) {
		t.Errorf("%d finished jobs of %d, want at least 100", len(done), len(all))
	}
	checkStorage(t, c)
	checkProtection(t, c)
	if _, err := c.wholePool(t.Context(), collect(t, c.DiskPools(t.Context()))[0]); err != nil {
		t.Error(err)
	}
	if _, err := c.fetchCA(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// checkProtection has one row of each.
func checkProtection(t *testing.T, c *Client) {
	t.Helper()
	alerts, slos, images := collect(t, c.Alerts(t.Context())), collect(t, c.SLOs(t.Context())), collect(t, c.Images(t.Context()))
	scans := collect(t, c.MalwareScans(t.Context()))
	if len(alerts) != 1 || len(slos) != 1 || len(images) != 1 || len(scans) != 1 || scans[0].Impacted != some[int64](2) {
		t.Errorf("alerts %+v, SLOs %+v, images %+v, scans %+v", alerts, slos, images, scans)
	}
}
