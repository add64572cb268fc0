package nbusim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func command(t *testing.T, s *Server, method, path, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "https://x/nbusim/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return do(t, s, req)
}

func TestTruthIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		w := Work{Kilobytes: 2, Moved: 1, Files: 4}
		s.AddJob(JobSpec{Policy: "p", Client: "c", Work: w, Life: Run(0, time.Second, 0)})
		s.AddJob(JobSpec{Policy: "p", Client: "c", Work: w, Life: Run(0, time.Minute, 13)})
		if a := command(t, s, "GET", "settled", ""); string(a.body) != `{"settled":false}` {
			t.Errorf("while jobs run: %s", a.body)
		}
		time.Sleep(time.Hour)
		if a := command(t, s, "GET", "settled", ""); string(a.body) != `{"settled":true}` {
			t.Errorf("when all have ended: %s", a.body)
		}
		const want = `{"jobs":2,"completed":[` +
			`{"job_type":"BACKUP","policy_type":"STANDARD","policy":"p","schedule_type":"FULL_BACKUP","result":"failure","status":13,"parent":false,"count":1},` +
			`{"job_type":"BACKUP","policy_type":"STANDARD","policy":"p","schedule_type":"FULL_BACKUP","result":"success","status":0,"parent":false,"count":1}],` +
			`"work":[{"job_type":"BACKUP","policy_type":"STANDARD","policy":"p","bytes":4096,"moved_bytes":2048,"files":8,"retries":0}],` +
			`"clients":[{"client":"c","policy":"p","last_success":946684801,"last_attempt":946684860,"last_status":13,"last_bytes":2048,"consecutive_failures":1}]}`
		if a := command(t, s, "GET", "truth", ""); string(a.body) != want {
			t.Errorf("the truth is\n%s\nwant\n%s", a.body, want)
		}
		var later report
		if err := json.Unmarshal(command(t, s, "GET", "truth?since=946684830000", "").body, &later); err != nil || later.Jobs != 1 {
			t.Errorf("of the later half there are %d jobs: %v", later.Jobs, err)
		}
	})
}

func TestFaultsAndWorkloadsAreOrdered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		if a := command(t, s, "POST", "faults", `{"path":"/admin/jobs","effect":"retry-after","code":429,"ms":3000,"times":1}`); a.status != 200 {
			t.Fatalf("the fault answered %d %s", a.status, a.body)
		}
		if a := get(t, s, "/admin/jobs"); a.status != 429 || a.header.Get("Retry-After") != "3" {
			t.Errorf("answered %d", a.status)
		}
		if a := get(t, s, "/admin/jobs"); a.status != 200 {
			t.Errorf("then answered %d", a.status)
		}
		command(t, s, "POST", "faults", `{"effect":"status","code":503}`)
		command(t, s, "DELETE", "faults", "")
		if a := get(t, s, "/admin/jobs"); a.status != 200 {
			t.Errorf("after the faults were cleared it answered %d", a.status)
		}
		if a := command(t, s, "GET", "requests", ""); string(a.body) != `{"/admin/jobs":3}` {
			t.Errorf("requests: %s", a.body)
		}

		command(t, s, "POST", "workload", `{"jobsPerMinute":60,"meanRunMs":1000}`)
		time.Sleep(10 * time.Minute)
		command(t, s, "POST", "workload", `{"jobsPerMinute":0}`)
		time.Sleep(10 * time.Minute)
		n := len(s.Truth().Completions)
		time.Sleep(10 * time.Minute)
		if again := len(s.Truth().Completions); n < 400 || again != n {
			t.Errorf("%d jobs ended, and then %d", n, again)
		}
	})
}

func TestOrdersThatMakeNoSenseAreRefused(t *testing.T) {
	s := newServer(t, Options{})
	for _, o := range [][4]string{
		{"POST", "faults", "{", "400"},
		{"POST", "faults", `{"effect":"earthquake"}`, "400"},
		{"POST", "workload", "x", "400"},
		{"GET", "truth?since=now", "", "400"},
		{"GET", "nothing", "", "404"},
		{"PUT", "truth", "", "404"},
	} {
		if a := command(t, s, o[0], o[1], o[2]); itoa(a.status) != o[3] {
			t.Errorf("%v answered %d", o, a.status)
		}
	}
}
