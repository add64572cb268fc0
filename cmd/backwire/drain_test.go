package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"backwire/remotewrite/queue"
	"backwire/source"
)

// What is queued and then drained: a fleet's series, each with so many points a minute apart.
const (
	drainSite   = "backlog"
	drainSeries = 20_000
	drainPoints = 100
)

// fleet makes the series and their values, for both senders alike.
type fleet struct {
	rand   *rand.Rand
	values []float64
	rate   float64 // which share of the values moves each minute
}

func newFleet(rate float64) *fleet {
	p := &fleet{rand: rand.New(rand.NewPCG(1, 2)), values: make([]float64, drainSeries), rate: rate}
	for i := range p.values {
		p.values[i] = float64(p.rand.IntN(1000))
	}
	return p
}

// step makes the next values.
func (p *fleet) step() {
	for i := range p.values {
		if p.rand.Float64() < p.rate {
			p.values[i] += float64(p.rand.IntN(50))
		}
	}
}

func (p *fleet) labels(i int) []source.Label {
	return []source.Label{
		{Name: "site", Value: "paris"},
		{Name: "job_type", Value: []string{"BACKUP", "RESTORE", "DUPLICATE", "REPLICATION"}[i%4]},
		{Name: "policy_type", Value: []string{"STANDARD", "MS_WINDOWS", "VMWARE", "ORACLE", "NDMP"}[i/16%5]},
		{Name: "policy", Value: fmt.Sprintf("prod-%04d", i/8)},
		{Name: "schedule_type", Value: []string{"FULL", "INCR"}[i/2%2]},
		{Name: "result", Value: []string{"success", "failure"}[i/4%2]},
		{Name: "status", Value: strconv.Itoa(i % 8)},
		{Name: "media_server", Value: fmt.Sprintf("media%02d.example.net", i/100%20)},
		{Name: "client", Value: fmt.Sprintf("client-%05d.example.net", i)},
	}
}

// queued commits so many series with so many points, a minute apart and the last one a minute ago, to a queue that an endpoint of the
// name default has not read.
func (p *fleet) queued(b *testing.B, dir string, series, points int) {
	b.Helper()
	q, err := queue.Open(dir, queue.Options{Endpoints: []string{"default"}})
	if err != nil {
		b.Fatal(err)
	}
	from, err := q.Subscribe("default", true)
	if err != nil {
		b.Fatal(err)
	}
	m := &source.Metric{Name: "nbu_jobs_completed_total", Type: source.Counter, Help: "Finished jobs."}
	batch := source.Batch{Samples: make([]source.Sample, series)}
	for i := range batch.Samples {
		batch.Samples[i].Series = source.NewSeries(m, "", 0, p.labels(i)...)
	}
	first := time.Now().Add(-time.Duration(points) * time.Minute)
	for k := range points {
		p.step()
		batch.T = first.Add(time.Duration(k) * time.Minute).UnixMilli()
		for i := range batch.Samples {
			batch.Samples[i].Value = p.values[i]
		}
		if err := q.Commit(source.Cycle{Site: drainSite, Batches: []source.Batch{batch}}); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(from.Close(), q.Close()); err != nil {
		b.Fatal(err)
	}
}

// ServeHTTP is the fleet as a page to scrape.
func (p *fleet) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.step()
	var page bytes.Buffer
	page.WriteString("# HELP nbu_jobs_completed_total Finished jobs.\n# TYPE nbu_jobs_completed_total counter\n")
	for i, v := range p.values {
		page.WriteString("nbu_jobs_completed_total")
		for k, l := range p.labels(i) {
			page.WriteString("{,"[min(k, 1):][:1] + l.Name + `="` + l.Value + `"`)
		}
		page.WriteString("} " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
	}
	_, _ = w.Write(page.Bytes())
}

// use is what a process has needed so far.
type use struct {
	cpu  time.Duration
	peak int64 // resident bytes
}

// used reads the kernel's account of a process, of all its threads.
func (p *process) used(t testing.TB) use {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var u use
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has just ended
		}
		ns, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(ns, 10, 64)
		u.cpu += time.Duration(n)
	}
	u.peak = peakMemory(t, p)
	return u
}

// BenchmarkDrainBeside drains the same backlog by the binary as it is shipped and by those of the field that are
// installed, into a process that decodes everything.
func BenchmarkDrainBeside(b *testing.B) {
	for _, rate := range []float64{0.05, busy} {
		b.Run(fmt.Sprintf("backwire/moving=%v", rate), func(b *testing.B) { benchmarkBackwire(b, rate) })
	}
	b.Run("prometheus", prometheusAgent.benchmark)
	b.Run("vmagent", vmagent.benchmark)
}

// busy is a fleet more restless than most. What the peers need hardly depends on it.
const busy = 0.25

func benchmarkBackwire(b *testing.B, rate float64) {
	b.Helper()
	binary := buildPrograms(b).backwire
	var best drained
	for b.Loop() {
		idle := drainBackwire(b, binary, b.TempDir(), 1)
		dir := b.TempDir()
		newFleet(rate).queued(b, dir, drainSeries, drainPoints)
		d := drainBackwire(b, binary, dir, drainSeries*drainPoints)
		d.cpu -= idle.cpu // starting up, and its own cycle
		best = better(best, d)
	}
	best.report(b)
}

// drained is what one drain took.
type drained struct {
	decoded
	use
}

// better is the one that used less CPU: a busy machine only adds.
func better(a, b drained) drained {
	if a.cpu > 0 && a.cpu < b.cpu {
		return a
	}
	return b
}

func (d drained) report(b *testing.B) {
	b.Helper()
	n := float64(d.Samples)
	b.ReportMetric(n/d.Full.Sub(d.First).Seconds(), "samples/s")
	b.ReportMetric(float64(d.cpu.Nanoseconds())/n, "cpu-ns/sample")
	b.ReportMetric(float64(d.peak)/(1<<20), "peak-MiB")
	b.ReportMetric(float64(d.Bytes)/n, "bytes/sample")
	b.ReportMetric(n/d.Alone.Seconds(), "alone-samples/s")
	b.ReportMetric(0, "ns/op")
}

// drainBackwire runs the agent over a queue until so many samples are decoded.
func drainBackwire(b *testing.B, binary, queue string, samples int) drained {
	b.Helper()
	to := startDecoder(b, samples)
	to.begin(b)
	p := start(b, []string{
		"BACKWIRE_NETBACKUP_URL=https://127.0.0.1:9/netbackup", "BACKWIRE_NETBACKUP_API_KEY=none", // nobody there
		"BACKWIRE_NETBACKUP_SITE=" + drainSite,
		"BACKWIRE_REMOTE_WRITE_URL=" + to.url + "/write", "BACKWIRE_REMOTE_WRITE_START=oldest", "BACKWIRE_QUEUE_DIR=" + queue,
		"BACKWIRE_LISTEN=", "BACKWIRE_INTERVAL=4m", "BACKWIRE_SELF_METRICS=false",
	}, binary, "run")
	to.full(b)
	used := p.used(b)
	if err := p.end(syscall.SIGTERM); err != nil {
		b.Error(err)
	}
	d := drained{to.ask(b, "/alone"), used}
	_ = to.end(syscall.SIGKILL)
	return d
}

// peer is a program of the field that scrapes and pushes.
type peer struct {
	program string
	args    func(config, dir, address, push string) []string
	config  string // beside what to scrape; PUSH is the receiver's URL
	counter string // of its own metrics: the samples that it has scraped
}

var prometheusAgent = peer{
	program: "prometheus",
	args: func(config, dir, address, _ string) []string {
		return []string{"--enable-feature=agent", "--config.file=" + config, "--storage.agent.path=" + dir, "--web.listen-address=" + address}
	},
	config:  "remote_write: [{url: PUSH}]\n",
	counter: `prometheus_agent_samples_appended_total{type="float"} `,
}

var vmagent = peer{
	program: "vmagent",
	args: func(config, dir, address, push string) []string {
		return []string{"-promscrape.config=" + config, "-remoteWrite.tmpDataPath=" + dir, "-remoteWrite.url=" + push, "-httpListenAddr=" + address}
	},
	counter: "vmagent_remotewrite_block_size_rows_sum ",
}

func (p peer) benchmark(b *testing.B) {
	path, err := exec.LookPath(p.program)
	if err != nil {
		b.Skipf("left out: %s is not installed", p.program)
	}
	var best drained
	for b.Loop() {
		best = better(best, p.drain(b, path))
	}
	best.report(b)
}

// drain has the program scrape while its receiver answers 503, and then lets it send.
func (p peer) drain(b *testing.B, path string) drained {
	b.Helper()
	dir := b.TempDir()
	to := startDecoder(b, drainSeries*drainPoints)
	push := to.url + "/write"
	page := newFleet(busy)
	var enough atomic.Bool
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if enough.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		page.ServeHTTP(w, r)
	}))
	defer target.Close()
	config := filepath.Join(dir, "scrape.yml")
	overwrite(b, config, fmt.Sprintf("global: {scrape_interval: 500ms, scrape_timeout: 500ms}\n"+
		"scrape_configs: [{job_name: fleet, static_configs: [{targets: [%q]}]}]\n", target.Listener.Addr())+
		strings.ReplaceAll(p.config, "PUSH", push))
	address := freePort(b)
	sender := start(b, nil, path, p.args(config, filepath.Join(dir, "log"), address, push)...)
	for deadline := time.Now().Add(5 * time.Minute); p.scraped(address) < drainSeries*(drainPoints+1); {
		if time.Now().After(deadline) || !wait(b.Context(), 500*time.Millisecond) {
			b.Fatalf("%s does not scrape fast enough", p.program)
		}
	}
	enough.Store(true)
	before := sender.used(b)
	to.begin(b)
	to.full(b)
	after := sender.used(b)
	after.cpu -= before.cpu
	return drained{to.ask(b, "/alone"), after}
}

// scraped is how many samples the program has taken in.
func (p peer) scraped(address string) float64 {
	page, err := fetch(http.DefaultClient, "http://"+address+"/metrics")
	if err != nil {
		return 0 // it is starting
	}
	for line := range strings.Lines(string(page)) {
		if rest, ok := strings.CutPrefix(line, p.counter); ok {
			v, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return v
		}
	}
	return 0
}
