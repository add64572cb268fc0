package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
)

// hostile is a primary server that gives what no server should. It answers /ping as any other.
type hostile func(w http.ResponseWriter, r *http.Request, n int64)

// rows answers a list of rows made by one function, with a cursor or an offset to the next page where more is true.
func rows(count int, more bool, row func(i int64) string) hostile {
	return func(w http.ResponseWriter, r *http.Request, n int64) {
		var b bytes.Buffer
		b.WriteString(`{"data":[`)
		for i := range int64(count) {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(row(n*int64(count) + i))
		}
		b.WriteString(`]`)
		if more {
			fmt.Fprintf(&b, `,"meta":{"pagination":{"next":"%d","count":1000000000000}}`, (n+1)*1000)
		}
		b.WriteString(`}`)
		_, _ = w.Write(b.Bytes())
	}
}

// job is a row that every list can read something of.
func job(i int64, fields string) string {
	now := time.Now().UTC()
	return fmt.Sprintf(`{"id":"%d","attributes":{"jobId":%d,"state":"DONE","status":0,"try":1,"startTime":"%s","endTime":"%s","lastUpdateTime":"%s","name":"n%d",%s}}`,
		i+1, i+1, now.Add(-time.Minute).Format(time.RFC3339), now.Format(time.RFC3339), now.Format(time.RFC3339), i, fields)
}

// bomb is 16 MiB that come as a few KiB.
func bomb(t *testing.T, text string) hostile {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, _ *http.Request, _ int64) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(b.Bytes())
	}
}

func hostilePrimaries(t *testing.T) map[string]hostile {
	const mebi = 1 << 20
	long := func(n int) string { return strings.Repeat("x", n) }
	typed := `"jobType":"BACKUP","policyType":"STANDARD","scheduleType":"FULL"`
	return map[string]hostile{
		"bombs of nothing": bomb(t, `{"data":[`+strings.Repeat(" ", 16*mebi)+`]}`),
		"bombs of rows":    bomb(t, `{"data":[`+strings.Repeat(`{"id":"1","attributes":{}},`, 7*mebi/27)+`{"id":"1","attributes":{}}]}`),
		"a long policy":    rows(1, false, func(i int64) string { return job(i, `"clientName":"c","policyName":"`+long(15*mebi)+`",`+typed) }),
		"long texts": rows(100, true, func(i int64) string {
			return job(i, fmt.Sprintf(`"clientName":"%d%s","policyName":"%d%s",`, i, long(30_000), i, long(30_000))+typed)
		}),
		"long cursors": func(w http.ResponseWriter, _ *http.Request, n int64) {
			fmt.Fprintf(w, `{"data":[%s],"meta":{"pagination":{"next":"%d%s"}}}`, job(n, typed), n, long(mebi))
		},
		"cursors just short enough": func(w http.ResponseWriter, _ *http.Request, n int64) {
			fmt.Fprintf(w, `{"data":[%s],"meta":{"pagination":{"next":"%07d%s"}}}`, job(n, typed), n, long(8000))
		},
		"endless pages":      rows(100, true, func(i int64) string { return job(i, `"clientName":"c","policyName":"gold",`+typed) }),
		"a million policies": rows(20_000, true, func(i int64) string { return job(i, fmt.Sprintf(`"clientName":"c%d","policyName":"p%d",`, i, i)+typed) }),
		"a million types of jobs": rows(20_000, true, func(i int64) string {
			return job(i, fmt.Sprintf(`"clientName":"c","policyName":"p%d","jobType":"t%d","policyType":"y%d","scheduleType":"s%d"`, i, i, i, i))
		}),
		"a million states": rows(20_000, true, func(i int64) string {
			return job(i, fmt.Sprintf(`"state":"s%d","jobType":"t%d","status":%d,"destinationMediaServerName":"m%d","severity":"%d","category":"%d","malwareStatus":"%d","workloadType":"%d"`, i, i, i, i, i, i, i, i))
		}),
		"large errors": func(w http.ResponseWriter, _ *http.Request, _ int64) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"errorCode":1,"errorMessage":"`+long(16*mebi)+`"}`)
		},
		"large headers": func(w http.ResponseWriter, _ *http.Request, _ int64) {
			w.Header().Set("X-Request-ID", long(mebi))
			w.WriteHeader(http.StatusBadRequest)
		},
		"deep nesting": func(w http.ResponseWriter, _ *http.Request, _ int64) {
			_, _ = io.WriteString(w, `{"data":[`+strings.Repeat("[", 7*mebi)+`]}`)
		},
		"policies without end": func(w http.ResponseWriter, r *http.Request, n int64) {
			if name := strings.TrimPrefix(r.URL.Path, "/netbackup/config/policies/"); name != "" && name != r.URL.Path {
				var b strings.Builder
				for i := range 19_000 {
					fmt.Fprintf(&b, `{"hostName":"%s-%d-%s"},`, name, i, long(200))
				}
				_, _ = io.WriteString(w, `{"data":{"attributes":{"p":{"clients":[`+b.String()+`{}],"schedules":[{"scheduleType":"Frequency","backupType":"Full Backup","frequencySeconds":60}]}}}}`)
				return
			}
			rows(500, false, func(i int64) string { return fmt.Sprintf(`{"id":"p%d","type":"Standard","attributes":{}}`, i) })(w, r, 0)
		},
		"slow drips": func(w http.ResponseWriter, r *http.Request, _ int64) {
			_, _ = io.WriteString(w, `{"data":[`+strings.Repeat(" ", 2*mebi))
			for range 100 {
				_, _ = w.Write([]byte(" "))
				if http.NewResponseController(w).Flush() != nil || !pauses(r, 100*time.Millisecond) {
					return
				}
			}
		},
	}
}

func pauses(r *http.Request, d time.Duration) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-time.After(d):
		return true
	}
}

// One primary server gives what no server should, at once and without end. The agent stays within the unit's memory, and
// the samples of another site come as ever.
func TestAHostilePrimaryHarmsNoOtherSite(t *testing.T) {
	onlyInFull(t)
	const limit, cycles = 96 << 20, 10
	for name, answer := range hostilePrimaries(t) {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			var asked atomic.Int64
			var armed atomic.Bool // once the other site is known
			enemy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/ping") {
					w.Header().Set("X-NetBackup-API-Version", "14.0")
					fmt.Fprint(w, time.Now().UnixMilli())
					return
				}
				if !armed.Load() {
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				answer(w, r, asked.Add(1)-1)
			}))
			t.Cleanup(enemy.Close)
			for _, key := range []string{"URL", "API_KEY_FILE", "CA_FILE"} {
				s.settings["NETBACKUP_PARIS_"+key] = s.settings["NETBACKUP_"+key]
				delete(s.settings, "NETBACKUP_"+key)
			}
			delete(s.settings, "NETBACKUP_SITE")
			maps.Copy(s.settings, map[string]string{
				"NETBACKUP_SITES": "paris,rome", "NETBACKUP_ROME_URL": enemy.URL + "/netbackup", "NETBACKUP_ROME_API_KEY_FILE": s.settings["NETBACKUP_PARIS_API_KEY_FILE"],
				"INTERVAL": "2s", "LISTEN": "",
			})
			running := start(t, append(s.environ(), "GOMEMLIMIT=96MiB"), buildPrograms(t).backwire, "run")
			points := func() int {
				up := s.receiver.Select("nbu_up", receiver.Label{Name: "site", Value: "paris"})
				if len(up) != 1 {
					return 0
				}
				return len(up[0].Points)
			}
			await(t, "the other site's first cycles", func() error { return atLeast(points(), 2) })
			armed.Store(true)
			before := points()
			await(t, "cycles of the other site", func() error { return atLeast(points(), before+cycles) })
			peak := peakMemory(t, running)
			t.Logf("%d requests, peak RSS %.1f MiB", asked.Load(), float64(peak)/(1<<20))
			if peak >= limit {
				t.Errorf("peak RSS is %d bytes, want less than %d", peak, limit)
			}
			s.wantUnharmed(t)
		})
	}
}

func atLeast(n, least int) error {
	if n < least {
		return fmt.Errorf("%d of %d", n, least)
	}
	return nil
}

// wantUnharmed holds every collector of paris to success in each of its cycles.
func (s *stand) wantUnharmed(t *testing.T) {
	t.Helper()
	for _, success := range s.receiver.Select("nbu_collector_success", receiver.Label{Name: "site", Value: "paris"}) {
		for _, p := range success.Points {
			if p.V != 1 && !p.Stale() { // a tick that a busy machine missed has no gauges
				t.Errorf("%s is %v at %d", success.Key(), p.V, p.T)
			}
		}
	}
	counted := 0.0
	for _, x := range s.receiver.Select("nbu_jobs_completed_total", receiver.Label{Name: "site", Value: "paris"}) {
		counted += x.Points[len(x.Points)-1].V
	}
	want := 0.0
	for _, n := range s.primary.Truth().Completed {
		want += float64(n)
	}
	if counted != want {
		t.Errorf("%v jobs of paris are counted, want %v", counted, want)
	}
}
