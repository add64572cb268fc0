package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"backwire/packaging/grafana"
	"backwire/packaging/rules"
	"backwire/source/netbackup/nbusim"
)

// eventful is a primary server at which there is something to see on every panel: jobs that
// ended in every way, one that waits and one that is stalled, a client beyond its RPO and one
// that never ran, one that is paused, storage of which some is down, and malware.
type eventful struct {
	*nbusim.Server
	past atomic.Int64 // how far the server's clock is behind, in ns
}

func newEventful(t *testing.T) *eventful {
	t.Helper()
	s := &eventful{}
	primary, err := nbusim.New(nbusim.Options{
		Storage: broken(nbusim.NewEstate(8)),
		Clock:   func() time.Time { return time.Now().Add(-time.Duration(s.past.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Server = primary
	s.past.Store(int64(45 * time.Minute))
	s.AddJob(nbusim.JobSpec{Policy: "linux-01", Client: "late.example"})
	s.AddJob(nbusim.JobSpec{
		Policy: "linux-01", Client: "stuck.example", MediaServer: "media-1",
		Life: []nbusim.Step{{State: nbusim.Active, Stalled: true}},
	})
	s.AddJob(nbusim.JobSpec{
		Policy: "linux-01", Client: "held.example",
		Life: []nbusim.Step{{State: nbusim.Active}, {After: time.Second, State: nbusim.Suspended}},
	})
	s.AddPolicy(nbusim.Policy{
		Name: "hourly", Type: "Standard", Clients: []string{"old.example", "new.example"},
		Schedules: []nbusim.Schedule{{Name: "often", BackupType: "Full Backup", Every: time.Minute, Windows: closedAgo(10 * time.Minute)}},
	})
	s.AddJob(nbusim.JobSpec{Policy: "hourly", Client: "old.example", Life: nbusim.Run(time.Second, time.Second, 0)})
	s.past.Store(0)
	s.SetPausedClients(nbusim.PausedClient{Name: "paused.example", From: time.Now().Add(-time.Hour), Trigger: "MANUAL", By: "admin", Reason: "maintenance"})
	s.AddFindings()
	s.AddHistory(nbusim.Workload{Seed: 3, FailureRate: 0.1}, 300, 30*time.Minute)
	s.Work(nbusim.Workload{Seed: 4, JobsPerMinute: 120, MeanRun: 5 * time.Second})
	if err := s.StartTLS("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// closedAgo are windows of each day, the last of which opened after the old client's success and has closed.
func closedAgo(ago time.Duration) []nbusim.Window {
	const length = 20 * time.Minute
	opens := time.Now().Add(-ago - length)
	midnight := time.Date(opens.Year(), opens.Month(), opens.Day(), 0, 0, 0, 0, opens.Location())
	return nbusim.Windows(opens.Sub(midnight).Truncate(time.Second), length,
		time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday)
}

func broken(e nbusim.Estate) nbusim.Estate {
	e.Pools[1].State, e.Pools[1].Volumes[0].State, e.Servers[1].State = "DOWN", "DOWN", "DOWN"
	e.Drives[0].Alert = "HARD_ERROR"
	return e
}

// fill lets every pool grow by a little.
func (s *eventful) fill() {
	e := s.Storage()
	for i := range e.Pools {
		e.Pools[i].Used += 1 << 30
	}
	s.SetStorage(e)
}

func (s *eventful) environ(t *testing.T, dir, push string) []string {
	t.Helper()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return []string{
		"BACKWIRE_INTERVAL=1s", "BACKWIRE_BACKFILL=1h", "BACKWIRE_NETBACKUP_URL=" + s.URL(), "BACKWIRE_NETBACKUP_SITE=paris",
		"BACKWIRE_NETBACKUP_API_KEY_FILE=" + write("api-key", nbusim.DefaultKey+"\n"),
		"BACKWIRE_NETBACKUP_CA_FILE=" + write("ca.pem", string(s.CA())),
		"BACKWIRE_REMOTE_WRITE_URL=" + push, "BACKWIRE_QUEUE_DIR=" + filepath.Join(dir, "queue"), "BACKWIRE_LISTEN=",
	}
}

// Every panel of every dashboard, every variable and every rule on a real Prometheus that the
// agent has filled. A query without data is a question that nobody answers.
func TestDashboardsAndRulesOnARealPrometheus(t *testing.T) {
	dir := t.TempDir()
	prom := startPrometheus(t, dir, "--enable-feature=exemplar-storage", "--web.enable-lifecycle")
	prom.load(t, dir)
	primary := newEventful(t)
	start(t, primary.environ(t, dir, prom.url+"/api/v1/write"), buildPrograms(t).backwire, "run")

	await(t, "every panel, variable and exemplar has data", func() error {
		primary.fill()
		var missing []string
		for _, d := range grafana.Dashboards() {
			missing = append(missing, prom.missing(d)...)
		}
		if len(missing) > 0 {
			return fmt.Errorf("none for\n  %s", strings.Join(missing, "\n  "))
		}
		return nil
	})
	await(t, "every rule is evaluated", prom.evaluated)
}

// load gives Prometheus the rules.
func (p *prometheus) load(t *testing.T, dir string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../packaging/rules", rules.PrometheusFile))
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 1h, evaluation_interval: 1s}\nrule_files: [%q]\n", path)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(p.url+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("reload: %s", res.Status)
	}
}

func (p *prometheus) evaluated() error {
	body, err := fetch(http.DefaultClient, p.url+"/api/v1/rules")
	if err != nil {
		return err
	}
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	n := 0
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				return fmt.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
			}
			n++
		}
	}
	if want := countRules(); n != want {
		return fmt.Errorf("%d rules, want %d", n, want)
	}
	return nil
}

func countRules() (n int) {
	for _, g := range rules.Groups() {
		n += len(g.Rules)
	}
	return n
}

// healthy are panels whose number is 0 at this primary server, and should be at most.
var healthy = []string{
	"Not monitored", // it takes thousands of clients
}

func (p *prometheus) missing(d grafana.Dashboard) (names []string) {
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			if err := p.values(v.Definition); err != nil {
				names = append(names, fmt.Sprintf("%s: variable %s: %v", d.Title, v.Name, err))
			}
		}
	}
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			if err := p.answers(target, slices.Contains(healthy, panel.Title)); err != nil {
				names = append(names, fmt.Sprintf("%s: %s, query %s: %v", d.Title, panel.Title, target.RefID, err))
			}
		}
	}
	return names
}

// answers runs a panel's query, and in front of a zero that it falls back to, what counts.
func (p *prometheus) answers(target grafana.Target, zero bool) error {
	expr := filledIn(target.Expr)
	if counted, _, falls := strings.Cut(expr, " or 0 * sum("); falls && !zero {
		expr = counted
	}
	rows, err := p.query(expr)
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("no data: %s", expr)
	}
	if err != nil || !target.Exemplar {
		return err
	}
	now := time.Now()
	return p.some("query_exemplars", url.Values{
		"query": {expr}, "start": {now.Add(-time.Hour).Format(time.RFC3339)}, "end": {now.Add(time.Minute).Format(time.RFC3339)},
	})
}

// filledIn is a query as Grafana sends it: data once a minute, an hour on the screen.
func filledIn(expr string) string {
	return strings.NewReplacer(
		"$__rate_interval", "4m", "$__interval", "15m", "$__range", "1h",
		"$site", ".*", "$instance", ".*", "$client", ".*", "$policy_type", ".*", "$policy", ".*",
	).Replace(expr)
}

var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

func (p *prometheus) values(definition string) error {
	parts := labelValues.FindStringSubmatch(definition)
	if parts == nil {
		return fmt.Errorf("%q is no label_values(…)", definition)
	}
	return p.some("label/"+parts[2]+"/values", url.Values{"match[]": {filledIn(parts[1])}})
}

// some says whether an API that answers a list answers one that is not empty.
func (p *prometheus) some(api string, query url.Values) error {
	body, err := fetch(http.DefaultClient, p.url+"/api/v1/"+api+"?"+query.Encode())
	if err != nil {
		return err
	}
	var answer struct{ Data []any }
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	if len(answer.Data) == 0 {
		return fmt.Errorf("nothing at %s for %v", api, query)
	}
	return nil
}
