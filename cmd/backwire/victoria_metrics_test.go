package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backwire/agent/page"
)

// startVictoriaMetrics runs a real one as a process. It is asked as Prometheus is.
func startVictoriaMetrics(t *testing.T, dir string) *prometheus {
	t.Helper()
	path := needProgram(t, "victoria-metrics")
	address := freePort(t)
	start(t, nil, path, "-storageDataPath="+filepath.Join(dir, "victoria"), "-httpListenAddr="+address,
		"-retentionPeriod=10y", "-search.latencyOffset=1ms", "-loggerLevel=WARN")
	p := newPrometheus(address)
	answers(t, p.url+"/health")
	return p
}

// VictoriaMetrics answers 2xx to Remote-Write 2.0 and stores nothing of it. Every job is there once all the same,
// over a clean and a violent end, because the samples are sent again as 1.0.
func TestEveryJobReachesVictoriaMetricsOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victoria := startVictoriaMetrics(t, dir)
	primary := startPrimary(t, dir, "--history", "300", "--history-span", "30m", "--jobs-per-minute", "0")
	env := agentEnv(t, dir, primary, victoria.url+"/api/v1/write")

	backwire, started := buildPrograms(t).backwire, time.Now().UnixMilli()
	program := start(t, env, backwire, "run")
	awaitTruth(t, victoria, primary)
	wantFallback(t, env, program)
	overTwoEnds(t, program, env, victoria, primary)
	wantNoGap(t, victoria, started)
}

// wantFallback wants the endpoint at 1.0, with nothing refused, and the reason in the log.
func wantFallback(t *testing.T, env []string, program *process) {
	t.Helper()
	body, err := fetch(http.DefaultClient, "http://"+valueOf(env, "BACKWIRE_LISTEN")+"/status.json")
	if err != nil {
		t.Fatal(err)
	}
	var status page.Status
	if err := json.Unmarshal(body, &status); err != nil {
		t.Fatal(err)
	}
	e := status.Endpoints[0]
	if e.Protocol != "1.0" || len(e.Rejected) > 0 || e.Requests["204"] < 2 {
		t.Errorf("the endpoint's status is %+v", e)
	}
	if !strings.Contains(program.output(), "using 1.0") {
		t.Error("the log does not say why 1.0 is spoken")
	}
}

func valueOf(env []string, name string) string {
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// wantNoGap reads the stored samples of the counters back: one a second since the first start, whoever was down, one a minute at least
// before it, and none twice. The zero that announces a counter may follow a stale marker of the point before by a millisecond: after a
// restart it is not known which counters had ended.
func wantNoGap(t *testing.T, victoria *prometheus, started int64) {
	t.Helper()
	body, err := fetch(http.DefaultClient, victoria.url+"/api/v1/export?match[]=nbu_jobs_completed_total")
	if err != nil {
		t.Fatal(err)
	}
	var series struct {
		Metric     map[string]string `json:"metric"`
		Timestamps []int64           `json:"timestamps"`
	}
	n := 0
	for lines := json.NewDecoder(bytes.NewReader(body)); lines.Decode(&series) == nil; n++ {
		for i, at := range series.Timestamps[1:] {
			before := series.Timestamps[i]
			behindMarker := i == 0 && at-before == 999
			history := before < started && at-before <= 60_000
			if at-before != 1000 && !behindMarker && !history {
				t.Errorf("%v: a sample at %d follows one at %d", series.Metric, at, before)
			}
		}
	}
	if n < 2 {
		t.Errorf("%d series in %.200s", n, body)
	}
}
