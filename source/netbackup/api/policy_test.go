package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backwire/source/netbackup/due"
)

const (
	listedPolicy = `{"type":"Oracle","id":"ora-prod","links":{"self":{"href":"/config/policies/ora-prod"}},"attributes":{"active":true,"generationId":"7","jobLimit":null}}`
	wholePolicy  = `{"data":{"type":"policy","id":"ora-prod","attributes":{"policyOracle":{"policyName":"ora-prod","policyAttributes":{"active":true},
"schedules":[{"scheduleName":"app","backupType":"Application Backup","scheduleType":"Frequency","frequencySeconds":60},
{"scheduleName":"weekly","backupType":"Full Backup","scheduleType":"Frequency","frequencySeconds":604800},
{"scheduleName":"logs","backupType":"Archived Redo Log Backup","scheduleType":"Frequency","frequencySeconds":"3600"},
{"scheduleName":"month","backupType":"Full Backup","scheduleType":"Calendar","frequencySeconds":60},{"frequencySeconds":0},null],
"clients":[{"hostName":"db-1","databaseName":"A"},{"hostName":"db-1","databaseName":"B"},{"hostName":"db-2"},{"instanceGroup":"g"},null],
"backupSelections":{"selections":["ALL",null]}}}}}`
)

func TestPoliciesAreListed(t *testing.T) {
	c := newTestClient(t, serveRows(listedPolicy, `{"id":"old","type":"Standard","attributes":{"active":"false"}}`, `{"type":"Standard"}`))
	want := []Policy{
		{Name: "ora-prod", Type: "Oracle", Active: some(true), Generation: some(int64(7))},
		{Name: "old", Type: "Standard", Active: some(false)},
	}
	if diff := cmp.Diff(want, collect(t, c.Policies(t.Context()))); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
}

// A policy copies to a storage unit where a schedule that runs by itself says that it makes more than snapshots. Nothing is known where
// that is not said, and where a storage lifecycle policy decides.
func TestPolicyCopiesItsSnapshots(t *testing.T) {
	const full = `"backupType":"Full Backup","frequencySeconds":60`
	for name, test := range map[string]struct {
		attributes, schedules string
		want                  bool
	}{
		"not said":             {`{}`, `{` + full + `}`, false},
		"snapshots alone":      {`{}`, `{` + full + `,"snapshotOnly":true}`, false},
		"copies":               {`{"storageIsSLP":false}`, `{` + full + `,"snapshotOnly":true},{` + full + `,"snapshotOnly":false}`, true},
		"copies, as a text":    {`{}`, `{` + full + `,"snapshotOnly":"false"}`, true},
		"null":                 {`{}`, `{` + full + `,"snapshotOnly":null}`, false},
		"by users":             {`{}`, `{"backupType":"User Backup","snapshotOnly":false}`, false},
		"SLP of the policy":    {`{"storageIsSLP":true}`, `{` + full + `,"snapshotOnly":false}`, false},
		"SLP of the schedule":  {`{}`, `{` + full + `,"snapshotOnly":false,"storageIsSLP":true}`, false},
		"SLP, schedules first": {`{}`, `{"storageIsSLP":true,"snapshotOnly":false,` + full + `}`, false},
	} {
		body := `{"data":{"attributes":{"policyVMware":{"schedules":[` + test.schedules + `],"policyAttributes":` + test.attributes + `}}}}`
		d := newTestDecoder()
		var p PolicyPlan
		if err := d.document([]byte(body), func() { p = policyPlan(d) }); err != nil || p.Copies != test.want {
			t.Errorf("%s: %v, %v, want %v", name, p.Copies, err, test.want)
		}
	}
}

func TestPolicyPlanIsWhoAndWhen(t *testing.T) {
	frequency := func(kind string, every time.Duration) due.Schedule { return due.Schedule{Type: kind, Every: every} }
	for name, test := range map[string]struct {
		body string
		want PolicyPlan
	}{
		"databases": {wholePolicy, PolicyPlan{Clients: []string{"db-1", "db-2"}, Runs: due.Plan{Schedules: []due.Schedule{
			frequency("APPLICATION_BACKUP", time.Minute), frequency(due.Full, 7*24*time.Hour), frequency(due.RedoLog, time.Hour),
			{Type: due.Full, Every: time.Minute, Calendar: &due.Calendar{}},
			{},
			{},
		}}}},
		"a query": {
			`{"data":{"attributes":{"policyVMware":{"clients":[{"hostName":"MEDIA_SERVER"}],"schedules":[{"frequencySeconds":86400}],
			"backupSelections":{"selections":["vmware:/?filter=VMFolder Contains \"prod\""]}}}}}`,
			PolicyPlan{Clients: []string{"MEDIA_SERVER"}, Query: true, Runs: due.Plan{Schedules: []due.Schedule{frequency("", 24*time.Hour)}}},
		},
		"inactive, and not before a date": {
			`{"data":{"attributes":{"policyGeneric":{"policyAttributes":{"active":"false","effectiveDateUTC":"2030-01-02T03:04:05.000Z","storage":"s"}}}}}`,
			PolicyPlan{Runs: due.Plan{Inactive: true, Effective: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}},
		},
		"a date that is none": {
			`{"data":{"attributes":{"policyGeneric":{"policyAttributes":{"active":true,"effectiveDateUTC":"soon"}}}}}`,
			PolicyPlan{},
		},
		"nonsense": {
			`{"data":{"attributes":{"policyGeneric":{"schedules":[{"frequencySeconds":9e18}],"clients":{"hostName":"a"},"backupSelections":[1]}}}}`,
			PolicyPlan{Runs: due.Plan{Schedules: []due.Schedule{{}}}},
		},
	} {
		d := newTestDecoder()
		var got PolicyPlan
		if err := d.document([]byte(test.body), func() { got = policyPlan(d) }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPolicyIsAskedForByItsName(t *testing.T) {
	c := newTestClient(t, func(r *http.Request) *http.Response {
		if r.URL.EscapedPath() != "/netbackup/config/policies/a%2Fb%20c" {
			t.Errorf("asked for %s", r.URL.EscapedPath())
		}
		return reply(200, wholePolicy)
	})
	if p, err := c.PolicyPlan(t.Context(), "a/b c"); err != nil || p.Runs.LongestGap(due.RedoLog) != time.Hour {
		t.Errorf("%+v, %v", p, err)
	}
}

// A frequency is a promise in seconds. None is no promise, and one beyond a century is a mistake that must not become a small
// number when it is counted in nanoseconds: 2⁶³ of those are 292 years.
func TestFrequencyOfASchedule(t *testing.T) {
	const century = 100 * 365 * 86400
	for text, want := range map[string]time.Duration{
		"1":                    time.Second,
		`"86400"`:              24 * time.Hour,
		"3153600000":           century * time.Second,
		"3153600001":           0,
		"9223372037":           0, // the first that does not fit
		"18446744074":          0, // that many nanoseconds are 290 ms once they have wrapped
		"9223372036854775807":  0,
		"99999999999999999999": 0,
		"0":                    0,
		"-1":                   0,
		"-9223372036854775808": 0,
		"null":                 0,
		`"daily"`:              0,
		"[86400]":              0,
	} {
		d := newTestDecoder()
		var got PolicyPlan
		body := `{"data":{"attributes":{"policyGeneric":{"schedules":[{"backupType":"Full Backup","scheduleType":"Frequency","frequencySeconds":` + text + `}]}}}}`
		if err := d.document([]byte(body), func() { got = policyPlan(d) }); err != nil || got.Runs.Schedules[0].Every != want {
			t.Errorf("frequencySeconds %s: %v, %v, want %v", text, got.Runs, err, want)
		}
	}
}
