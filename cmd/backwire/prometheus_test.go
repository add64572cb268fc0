package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// primaryServer is nbusim as a process.
type primaryServer struct {
	*process
	url, key, caFile, truthURL string
	client                     *http.Client
}

func startPrimary(t *testing.T, dir string, args ...string) *primaryServer {
	t.Helper()
	s := &primaryServer{caFile: filepath.Join(dir, "ca.pem")}
	args = append([]string{"--listen", "127.0.0.1:0", "--ca-out", s.caFile}, args...)
	s.process = start(t, nil, buildPrograms(t).nbusim, args...)
	await(t, "nbusim listens", func() error {
		_, after, ok := strings.Cut(s.output(), "# true counts: ")
		if !ok {
			return fmt.Errorf("it said %q", s.output())
		}
		s.truthURL = strings.TrimSpace(after)
		return nil
	})
	found := settings(s.output())
	s.url, s.key = found["BACKWIRE_NETBACKUP_URL"], found["BACKWIRE_NETBACKUP_API_KEY"]
	pem, err := os.ReadFile(s.caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	return s
}

// completedKey has the labels by which the truth is compared.
type completedKey struct{ jobType, policyType, status string }

// truth is how many jobs ended.
func (s *primaryServer) truth(t *testing.T) map[completedKey]int64 {
	t.Helper()
	body, err := fetch(s.client, s.truthURL)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Completed []struct {
			JobType    string `json:"job_type"`
			PolicyType string `json:"policy_type"`
			Status     int    `json:"status"`
			Count      int64  `json:"count"`
		} `json:"completed"`
	}
	if err := json.Unmarshal(body, &report); err != nil {
		t.Fatal(err)
	}
	truth := map[completedKey]int64{}
	for _, c := range report.Completed {
		truth[completedKey{c.JobType, c.PolicyType, strconv.Itoa(c.Status)}] += c.Count
	}
	return truth
}

// work sets how many new jobs come a minute.
func (s *primaryServer) work(t *testing.T, jobsPerMinute int) {
	t.Helper()
	s.order(t, "workload", fmt.Sprintf(`{"jobsPerMinute": %d, "seed": 7, "meanRunMs": 1500}`, jobsPerMinute))
}

// awaitSettled waits until every job has ended.
func (s *primaryServer) awaitSettled(t *testing.T) {
	t.Helper()
	await(t, "every job ends", func() error {
		body, err := fetch(s.client, strings.TrimSuffix(s.truthURL, "truth")+"settled")
		if err == nil && !strings.Contains(string(body), "true") {
			err = errors.New("some are running")
		}
		return err
	})
}

// order tells the simulator what a real server cannot be told.
func (s *primaryServer) order(t *testing.T, what, order string) {
	t.Helper()
	u, err := url.Parse(s.truthURL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path, u.RawQuery = "/nbusim/"+what, ""
	res, err := s.client.Post(u.String(), "application/json", strings.NewReader(order))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		t.Fatalf("order %s: %s", what, res.Status)
	}
}

// prometheus is a real one as a process.
type prometheus struct {
	url string
	ask string // the url to ask by, with the credentials that a guarded one wants
}

func newPrometheus(address string) *prometheus {
	return &prometheus{url: "http://" + address, ask: "http://backwire:right@" + address}
}

func startPrometheus(t *testing.T, dir string, more ...string) *prometheus {
	t.Helper()
	path := needProgram(t, "prometheus")
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {scrape_interval: 1h}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freePort(t)
	start(t, nil, path, append(more, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"),
		"--web.listen-address="+address, "--web.enable-remote-write-receiver")...)
	p := newPrometheus(address)
	answers(t, p.ask+"/-/ready")
	return p
}

// query returns the value of each series of an instant query, by its labels as JSON.
func (p *prometheus) query(promql string) ([]queried, error) {
	body, err := fetch(http.DefaultClient, p.ask+"/api/v1/query?"+url.Values{"query": {promql}}.Encode())
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []queried `json:"result"`
		} `json:"data"`
	}
	err = json.NewDecoder(bytes.NewReader(body)).Decode(&answer)
	return answer.Data.Result, err
}

type queried struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
	Values [][2]any          `json:"values"` // of a range
}

func (q queried) number() int64 { return number(q.Value) }

func number(point [2]any) int64 {
	text, _ := point[1].(string)
	v, _ := strconv.ParseFloat(text, 64)
	return int64(v)
}

// increase is last minus first over the whole span of every series, by status; each series
// begins with 0.
func (p *prometheus) increase(t *testing.T) map[string]int64 {
	t.Helper()
	rows, err := p.query("nbu_jobs_completed_total[3h]")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, r := range rows {
		first, last := number(r.Values[0]), number(r.Values[len(r.Values)-1])
		if first != 0 {
			t.Errorf("%v begins with %d", r.Metric, first)
		}
		counts[r.Metric["status"]] += last - first
	}
	return counts
}

// byStatus is what a dashboard shows: sum by (status).
func (p *prometheus) byStatus(t *testing.T) map[string]int64 {
	t.Helper()
	rows, err := p.query("sum by (status) (nbu_jobs_completed_total)")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, r := range rows {
		counts[r.Metric["status"]] = r.number()
	}
	return counts
}

func (p *prometheus) completed() (map[completedKey]int64, error) {
	rows, err := p.query("sum by (job_type, policy_type, status) (nbu_jobs_completed_total)")
	counts := map[completedKey]int64{}
	for _, r := range rows {
		if n := r.number(); n != 0 {
			counts[completedKey{r.Metric["job_type"], r.Metric["policy_type"], r.Metric["status"]}] = n
		}
	}
	return counts, err
}

// awaitTruth waits until Prometheus says what the primary server knows.
func awaitTruth(t *testing.T, p *prometheus, s *primaryServer) {
	t.Helper()
	await(t, "Prometheus agrees with the primary server", func() error {
		got, err := p.completed()
		if err != nil {
			return err
		}
		if want := s.truth(t); !maps.Equal(got, want) {
			return fmt.Errorf("got  %v\nwant %v", got, want)
		}
		return nil
	})
}

func agentEnv(t *testing.T, dir string, s *primaryServer, pushURL string) []string {
	t.Helper()
	keyFile := filepath.Join(dir, "api-key")
	if err := os.WriteFile(keyFile, []byte(s.key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"BACKWIRE_INTERVAL=1s", "BACKWIRE_BACKFILL=1h",
		"BACKWIRE_NETBACKUP_URL=" + s.url,
		"BACKWIRE_NETBACKUP_SITE=paris",
		"BACKWIRE_NETBACKUP_API_KEY_FILE=" + keyFile,
		"BACKWIRE_NETBACKUP_CA_FILE=" + s.caFile,
		"BACKWIRE_REMOTE_WRITE_URL=" + pushURL,
		"BACKWIRE_QUEUE_DIR=" + filepath.Join(dir, "queue"),
		"BACKWIRE_LISTEN=" + freePort(t),
	}
}

// The whole path: the binary, TLS with a private certificate authority, a real Prometheus, and
// every job counted once over a clean and a violent end.
func TestEveryJobReachesPrometheusOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	prom := startPrometheus(t, dir)
	primary := startPrimary(t, dir, "--history", "300", "--history-span", "30m", "--jobs-per-minute", "0")
	env := agentEnv(t, dir, primary, prom.url+"/api/v1/write")

	agent := start(t, env, buildPrograms(t).backwire, "run")
	awaitTruth(t, prom, primary)
	overTwoEnds(t, agent, env, prom, primary)
	want := map[string]int64{}
	for k, n := range primary.truth(t) {
		want[k.status] += n
	}
	if got := prom.increase(t); !maps.Equal(got, want) {
		t.Errorf("last minus first is %v, want %v", got, want)
	}
	if got := prom.byStatus(t); !maps.Equal(got, want) {
		t.Errorf("sum by (status) is %v, want %v", got, want)
	}
}

// overTwoEnds ends an agent cleanly and violently, each time with jobs that end before and after, and starts it again,
// until all of them have arrived.
func overTwoEnds(t *testing.T, agent *process, env []string, store *prometheus, primary *primaryServer) {
	t.Helper()
	primary.work(t, 600)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		before := total(primary.truth(t))
		await(t, "jobs end while the agent runs", func() error { return grown(total(primary.truth(t)), before+20) })
		began := time.Now()
		err := agent.end(signal)
		if signal == syscall.SIGTERM && (err != nil || time.Since(began) > 10*time.Second) {
			t.Errorf("SIGTERM: ended after %s with %v, want 0 within 10 s", time.Since(began), err)
		}
		before = total(primary.truth(t))
		await(t, "jobs end while the agent is down", func() error { return grown(total(primary.truth(t)), before+20) })
		agent = start(t, env, buildPrograms(t).backwire, "run")
	}
	primary.work(t, 0)
	primary.awaitSettled(t) // or jobs end between two looks at the store
	awaitTruth(t, store, primary)
}

func total(counts map[completedKey]int64) int64 {
	var n int64
	for _, c := range counts {
		n += c
	}
	return n
}

func grown(got, want int64) error {
	if got < want {
		return fmt.Errorf("%d jobs have ended, want %d", got, want)
	}
	return nil
}
