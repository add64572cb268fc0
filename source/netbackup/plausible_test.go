package netbackup

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// lie is a server that says something else of one field of the jobs of the policy "lies".
type lie struct {
	next         http.RoundTripper
	field, value string
}

func (l *lie) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, "/admin/jobs") {
		return resp, err
	}
	var page struct {
		Data []struct {
			ID         json.RawMessage            `json:"id"`
			Attributes map[string]json.RawMessage `json:"attributes"`
		} `json:"data"`
		Meta  json.RawMessage `json:"meta,omitempty"`
		Links json.RawMessage `json:"links,omitempty"`
	}
	err = json.NewDecoder(resp.Body).Decode(&page)
	_ = resp.Body.Close()
	for _, row := range page.Data {
		if string(row.Attributes["policyName"]) == `"lies"` {
			row.Attributes[l.field] = json.RawMessage(l.value)
		}
	}
	body, again := json.Marshal(page)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, errors.Join(err, again)
}

// What a job cannot have is left out of every sum, and counted; the job is counted, and the next one as if nothing had been.
// The limits are physics (see api/bounds.go), the lies those that a database restored in part, a proxy or a release may tell:
// the ends of int32, int64 and float64, what is not a number, and times before NetBackup and after today.
func TestOneLieSpoilsNoCounter(t *testing.T) {
	numbers := []string{`9223372036854775807`, `-9223372036854775808`, `1e30`, `-1e30`, `"9223372036854775807"`, `"1e300"`, `"NaN"`, `"Infinity"`, `-1`, `"many"`, `true`, `[]`, `{}`}
	times := []string{`"9999-12-31T23:59:59.000Z"`, `9223372036854775807`, `253402300799000`, `"1989-12-31T23:59:59Z"`, `"0001-01-01T00:00:00Z"`, `-1`, `"soon"`}
	for field, values := range map[string][]string{
		"numberOfFiles": numbers, "kilobytesTransferred": append(numbers, `36028797018963968`), "kilobytesDataTransferred": numbers, "try": numbers,
		"transferRate": numbers, "dedupRatio": numbers, "endTime": times, "startTime": append(times, `"1995-01-01T00:00:00Z"`), "activeTryStartTime": times, "lastUpdateTime": times,
	} {
		for _, value := range values {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
					c.Client.Transport = &lie{c.Client.Transport, field, value}
					c.Collect = []string{collectorJobs}
				})
				for _, policy := range []string{"gold", "lies", "gold", "gold"} {
					job := quick(policy)
					job.Work = nbusim.Work{Kilobytes: 5, Moved: 3, Files: 7}
					r.sim.AddJob(job)
					r.tick()
				}
				r.tick()
				say := func(format string, args ...any) {
					t.Helper()
					t.Errorf(field+" "+value+": "+format, args...)
				}
				if n := r.store.sum("nbu_jobs_completed_total"); n != 4 {
					say("%v jobs are counted, want 4", n)
				}
				for name, each := range map[string]float64{
					"nbu_job_files_total": 7, "nbu_job_bytes_total": 5 * 1024, "nbu_job_moved_bytes_total": 3 * 1024, "nbu_job_duration_seconds_sum": 2,
				} {
					if v := r.store.sum(name); v != 3*each && v != 4*each {
						say("%s is %v, want that of 3 or 4 jobs of %v", name, v, each)
					}
				}
				if n := r.store.sum("nbu_job_retries_total"); n != 0 {
					say("%v retries", n)
				}
				if at := r.store.sum("nbu_client_last_success_timestamp_seconds", "policy", "lies"); math.Abs(at-float64(time.Now().Unix())) > 240 {
					say("the last success is at %v, want one of the last minutes", time.Unix(int64(at), 0).UTC())
				}
				if n := r.store.sum("nbu_job_problems_total"); n == 0 && value != `-1` && value != `"0001-01-01T00:00:00Z"` { // these two are ways to write none
					say("not counted as a problem")
				}
			})
		}
	}
}

// A server's clock that was wrong for an hour leaves times that hide nothing once it is right.
func TestAClockThatWasWrongHidesNoClient(t *testing.T) {
	for _, ahead := range []time.Duration{60 * 24 * time.Hour, -60 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var clock serverClock
			r := newRig(t, nbusim.Options{Storage: oneUnit(), Clock: clock.now}, func(c *SiteConfig) {
				c.Collect = []string{collectorJobs}
			})
			keeps := quick("bronze")
			r.sim.AddJob(keeps)
			r.tick()
			clock.set(ahead)
			for range 61 {
				r.sim.AddJob(quick("gold"))
				r.tick()
			}
			clock.set(0)
			for range 61 {
				r.sim.AddJob(quick("gold"))
				r.tick()
			}
			last := r.store.sum("nbu_client_last_success_timestamp_seconds", "policy", "gold")
			if math.Abs(last-float64(time.Now().Unix())) > 120 {
				t.Errorf("%v ahead: the last success is at %v, want that of the last minute", ahead, time.Unix(int64(last), 0).UTC())
			}
			if r.store.sum("nbu_client_last_success_timestamp_seconds", "policy", "bronze") == 0 {
				t.Errorf("%v ahead: a client without a job meanwhile is forgotten", ahead)
			}
		})
	}
}
