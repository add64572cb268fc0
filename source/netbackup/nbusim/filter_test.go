package nbusim

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestFilterSelects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at 2000-01-01T00:00:00Z
		s := newServer(t, Options{})
		s.AddJob(JobSpec{Policy: "oracle-prod", Client: "o'neil", Life: Run(10*time.Second, 50*time.Second, 0)})
		time.Sleep(time.Minute)
		s.AddJob(JobSpec{Policy: "files", PolicyType: "WINDOWS", Client: "web1", Life: Run(10*time.Second, 20*time.Second, 58)})
		time.Sleep(time.Minute)
		s.AddJob(JobSpec{Type: "RESTORE", Policy: "files", Life: Run(10*time.Second, time.Hour, 0)})
		s.AddJob(JobSpec{Type: "IMAGEDELETE", PolicyType: "VMWARE"})
		time.Sleep(30 * time.Second)
		for filter, want := range map[string]string{
			"state eq 'DONE'":                     "1 2",
			"state ne 'DONE'":                     "3 4",
			"state eq 'QUEUED'":                   "4",
			"not state eq 'DONE'":                 "400",
			"state gt 'DONE'":                     "400",
			"state eq DONE":                       "400",
			"state eq 'DONE' and status eq 0":     "1",
			"status ne 0 or jobType eq 'RESTORE'": "2 3",
			"(status ne 0 or jobType eq 'RESTORE') and state eq 'DONE'":      "2",
			"status eq 0 or status eq 58 and jobType eq 'RESTORE'":           "1 3 4",
			"policyName eq 'files'":                                          "400",
			"contains(policyName,'prod')":                                    "1",
			"startswith(policyName, 'fil')":                                  "2 3",
			"endswith(policyName,'prod') or clientName eq 'web1'":            "1 2",
			"clientName eq 'o''neil'":                                        "1",
			"lastUpdateTime ge 2000-01-01T00:01:00.000Z":                     "1 2 3 4",
			"lastUpdateTime gt 2000-01-01T00:01:00.000Z":                     "2 3 4",
			"lastUpdateTime le 2000-01-01T00:01:00Z":                         "1",
			"lastUpdateTime ge 2000-01-01T00:01:30.000Z and state eq 'DONE'": "2",
			"lastUpdateTime ge '2000-01-01T00:01:00.000Z'":                   "400",
			"endTime eq 1970-01-01T00:00:00.000Z":                            "3 4",
			"elapsedTime ge 'PT1M'":                                          "1",
			"applicationType eq 1":                                           "4",
			"applicationType eq 'VMWARE'":                                    "400",
			"jobId ge 2 and jobId lt 4":                                      "2 3",
			"status eq zero":                                                 "400",
			"nothing eq 1":                                                   "400",
			"status eq 0 and":                                                "400",
			"(status eq 0":                                                   "400",
			"status eq 0)":                                                   "400",
			"status is 0":                                                    "400",
			"clientName eq 'web1":                                            "400",
			"state%20eq%20'DONE'":                                            "400", // encoded twice
			"":                                                               "1 2 3 4",
		} {
			for _, sort := range []string{"jobId", "lastUpdateTime", "clientName"} {
				if got := filtered(t, s, filter, sort); got != want && sort == "jobId" || len(got) != len(want) {
					t.Errorf("%q by %s: got %s, want %s", filter, sort, got, want)
				}
			}
		}
	})
}

func filtered(t *testing.T, s *Server, filter, sort string) string {
	a := get(t, s, "/admin/jobs"+query("filter", filter, "sort", sort))
	if a.status != 200 {
		return strconv.Itoa(a.status)
	}
	out := ""
	for _, d := range a.page(t).Data {
		if out != "" {
			out += " "
		}
		out += d.ID.(string)
	}
	return out
}
