package netbackup

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
	"backwire/source/netbackup/nbusim/vendordoc"
)

// TestSiteAgainstTheVendorsDocuments collects from a mock server that is made of the vendor's
// documents alone, and that refuses a request which they do not allow.
func TestSiteAgainstTheVendorsDocuments(t *testing.T) {
	program, dir := needPrism(t), vendordoc.Directory(t)
	mocks := map[string]*mocked{}
	releases := []string{"10.3", "10.5", "11.0", "11.2"}
	for _, release := range releases { // all of them at once: each reads its document for seconds
		mocks[release] = &mocked{
			t: t, asked: map[string]int{},
			admin:    startPrism(t, program, filepath.Join(dir, release, "admin.yaml")),
			storage:  startPrism(t, program, filepath.Join(dir, release, "storage.yaml")),
			policies: startPrism(t, program, filepath.Join(dir, release, "config_policies.yaml")),
		}
	}
	for _, release := range releases {
		t.Run(release, func(t *testing.T) { collectFrom(t, release, mocks[release]) })
	}
}

func collectFrom(t *testing.T, release string, m *mocked) {
	m.t = t
	if release == "10.3" {
		m.without = newerPaths()
	}
	r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()}, func(c *SiteConfig) {
		m.rest, c.Client.Transport, c.Backfill = c.Client.Transport, m, 0
	})
	if m.storage == nil {
		t.Logf("%s has no storage.yaml: the simulator answers in its place", release)
	}
	r.sim.AddHosts(nbusim.Host{Name: "primary.example", Type: "PRIMARY_SERVER"}, nbusim.Host{Name: "media-1", Type: "MEDIA_SERVER"})
	m.await()
	m.refuses(m.admin, "/admin/jobs", url.Values{"page[limit]": {"101"}})
	m.refuses(m.admin, "/admin/jobs", url.Values{"sort": {"lastUpdateTime", "jobId"}})
	m.refuses(m.storage, "/storage/disk-pools", url.Values{"page[offset]": {"-1"}})
	for c := range r.site.Collect(t.Context(), time.Now().Truncate(minute)) {
		r.take(c)
	}
	for _, name := range Collectors() {
		want := 1.0
		if release == "10.3" && slices.Contains([]string{"tape_media", "volume_pools", "robots"}, name) {
			want = none() // it does not offer them
		}
		r.want(want, "nbu_collector_success", "collector", name)
	}
	r.want(1, "nbu_up")
	m.wantAsked("/admin/jobs", "/admin/hosts/uuid-primary.example/services", "/admin/hosts/uuid-media-1/services")
	r.want(1, "nbu_services_known", "host", "media-1")
	if m.storage != nil {
		m.wantAsked("/storage/storage-units", "/storage/disk-pools", "/storage/storage-servers", "/storage/drives")
		if m.without == nil {
			m.wantAsked(newerPaths()...)
		}
		r.want(1, "nbu_storage_unit_info", "storage_unit", "string")
		r.want(1, "nbu_disk_pool_up", "disk_pool", "string")
		r.want(none(), "nbu_disk_pool_raw_bytes") // the smallest number there is, which is no size
		r.want(1, "nbu_storage_server_up", "storage_server", "string")
	}
	if m.policies != nil {
		m.wantAsked("/config/policies/", "/config/policies/string")
	}
	wantVendorsJobs(t, r.site.client)
}

// newerPaths are those that 10.3 does not offer.
func newerPaths() []string {
	return []string{"/storage/tape-media", "/storage/tape-volume-pools", "/storage/robots-device-hosts"}
}

// wantVendorsJobs reads the vendor's example, whose ids are numbers and whose schedule type is
// none of the documented ones.
func wantVendorsJobs(t *testing.T, c *api.Client) {
	t.Helper()
	var jobs []api.Job
	for j, err := range c.Jobs(t.Context(), api.JobQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	if len(jobs) != 2 || jobs[0].ID != 1 || jobs[0].ScheduleType != "FULL" || jobs[1].ID != 2 {
		t.Errorf("the jobs are %+v", jobs)
	}
	lost := c.Problems().Snapshot()
	delete(lost, "storage_server.deduplicationRatioPercentage") // the mock gives the smallest number there is, which is no ratio
	delete(lost, "policy.effectiveDateUTC")                     // the mock gives the word "string", which is no time
	if len(lost) > 0 {
		t.Errorf("left out as not readable: %v", lost)
	}
}

// mocked is a primary server whose jobs, storage and policies are the mock servers'; all else is the
// simulator's.
type mocked struct {
	t                        *testing.T
	admin, storage, policies *prism // nil where the release has no such document
	rest                     http.RoundTripper
	without                  []string // paths that the release does not offer, as the simulator says

	mu    sync.Mutex
	asked map[string]int // by path
}

// RoundTrip implements http.RoundTripper. Nothing that a mock answers may be an error: it has
// none but for a request or an answer that breaks the document.
func (m *mocked) RoundTrip(req *http.Request) (*http.Response, error) {
	path := strings.TrimPrefix(req.URL.Path, nbusim.Mount)
	server := m.serving(path)
	if server == nil {
		return m.rest.RoundTrip(req)
	}
	m.mu.Lock()
	m.asked[path]++
	m.mu.Unlock()
	moved := req.Clone(req.Context())
	moved.URL, moved.Host = server.url.JoinPath(path), ""
	moved.URL.RawQuery = renamedQuery(req.URL.Query()).Encode()
	resp, err := server.client.Transport.RoundTrip(moved)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode < http.StatusBadRequest && req.URL.Query().Has("page[after]"):
		return withoutNext(resp)
	case resp.StatusCode < http.StatusBadRequest:
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	m.t.Errorf("%s %s answered %d: %s", req.Method, req.URL, resp.StatusCode, body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

// withoutNext ends the pages at the second one: a mock has the same cursor in each.
func withoutNext(resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(`"next":"string"`), []byte(`"next":""`))))
	resp.ContentLength = -1
	return resp, err
}

func (m *mocked) serving(path string) *prism {
	switch {
	case slices.Contains(m.without, path):
		return nil
	case strings.HasPrefix(path, "/admin/"):
		return m.admin
	case strings.HasPrefix(path, "/storage/"):
		return m.storage
	case strings.HasPrefix(path, "/config/policies/"):
		return m.policies
	}
	return nil
}

// await returns when the mocks listen.
func (m *mocked) await() {
	m.t.Helper()
	for _, p := range []*prism{m.admin, m.storage, m.policies} {
		if p == nil {
			continue
		}
		select {
		case p.url = <-p.listening:
		case <-p.ended:
			m.t.Fatal("prism ended before it listened")
		case <-time.After(2 * time.Minute):
			m.t.Fatal("prism did not listen within two minutes")
		}
	}
}

// refuses proves that a mock is strict, without which its consent would mean nothing.
func (m *mocked) refuses(p *prism, path string, query url.Values) {
	m.t.Helper()
	if p == nil {
		return
	}
	target := p.url.JoinPath(path)
	target.RawQuery = renamedQuery(query).Encode()
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, target.String(), nil)
	if err != nil {
		m.t.Fatal(err)
	}
	req.Header.Set("Authorization", nbusim.DefaultKey)
	resp, err := p.client.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusUnprocessableEntity && resp.StatusCode != http.StatusBadRequest {
		m.t.Errorf("GET %s answered %d, and should be refused", target, resp.StatusCode)
	}
}

func (m *mocked) wantAsked(paths ...string) {
	m.t.Helper()
	for _, p := range paths {
		if m.asked[p] == 0 {
			m.t.Errorf("%s was not asked for: %v", p, m.asked)
		}
	}
}

// prism is a mock server of one document.
type prism struct {
	client    *http.Client
	listening chan *url.URL // told once
	ended     chan struct{}
	url       *url.URL // once it listens

	mu  sync.Mutex
	out bytes.Buffer
}

func needPrism(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("prism")
	if err == nil {
		return path
	}
	if os.Getenv("BACKWIRE_TEST_REQUIRE") == "all" {
		t.Fatal("prism is required and is not installed")
	}
	t.Skip("left out: prism, of @stoplight/prism-cli, is not installed")
	return ""
}

// startPrism does not wait until the server listens. It answers nil where there is no document.
func startPrism(t *testing.T, program, document string) *prism {
	t.Helper()
	patched := patchDocument(t, document)
	if patched == "" {
		return nil
	}
	p := &prism{client: &http.Client{Transport: &http.Transport{}}, listening: make(chan *url.URL, 1), ended: make(chan struct{})}
	cmd := exec.Command(program, "mock", "--errors", "--host", "127.0.0.1", "--port", "0", patched)
	cmd.Stdout, cmd.Stderr = p, p
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	go func() {
		_ = cmd.Wait() // killed
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		_ = cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("prism said of %s:\n%s", document, p.out.String())
		}
	})
	return p
}

// Write takes what the program prints, which names the port that it found.
func (p *prism) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.Write(b)
	if found := regexp.MustCompile(`listening on (http://[0-9.]+:\d+)\s`).FindSubmatch(p.out.Bytes()); found != nil {
		at, err := url.Parse(string(found[1]) + "/")
		if err != nil {
			return 0, err
		}
		p.out.Reset() // the list of operations, of no use any more
		p.listening <- at
	}
	return len(b), nil
}

// patchDocument writes a document as the mock can serve it, or answers "" where there is none.
func patchDocument(t *testing.T, document string) string {
	t.Helper()
	b, err := os.ReadFile(document)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	var whole any
	if err := yaml.Unmarshal(b, &whole); err != nil {
		t.Fatalf("read %s: %v", document, err)
	}
	if b, err = json.Marshal(patched(whole)); err != nil {
		t.Fatalf("patch %s: %v", document, err)
	}
	path := filepath.Join(t.TempDir(), "document.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// patched lets the mock give the vendor's own examples, which it would refuse to: they break
// their schemas. What a request may be is left as it is, but for the names of parameters.
func patched(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = patched(v[i])
		}
	case map[string]any:
		for key := range v {
			if key == "responses" {
				v[key] = indulgent(v[key])
			} else {
				v[key] = patched(v[key])
			}
		}
		if name, ok := v["name"].(string); ok && v["in"] == "query" {
			v["name"] = renamed(name)
		}
	}
	return v
}

// renamed is a query parameter as document and request call it here: prism takes the brackets
// of page[limit] for a path into an object and leaves such a parameter unchecked.
func renamed(parameter string) string {
	return strings.NewReplacer("[", "-", "]", "").Replace(parameter)
}

func renamedQuery(q url.Values) url.Values {
	names := url.Values{}
	for name, values := range q {
		names[renamed(name)] = values
	}
	return names
}

// indulgent makes of a schema with an example that example alone, and drops what is required
// and what oneOf wants: the mock makes up storage units without names.
func indulgent(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = indulgent(v[i])
		}
	case map[string]any:
		if example, ok := v["example"]; ok {
			return map[string]any{"example": example}
		}
		for key := range v {
			v[key] = indulgent(v[key])
		}
		if _, ok := v["required"].([]any); ok {
			delete(v, "required")
		}
		if alternatives, ok := v["oneOf"]; ok {
			delete(v, "oneOf")
			v["anyOf"] = alternatives
		}
	}
	return v
}
