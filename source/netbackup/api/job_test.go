package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// wholeJob has every attribute that the vendor documents and three that it only shows in
// its examples, with a finished backup's values.
const wholeJob = `{"links":{"self":{"href":"/admin/jobs/%[1]d"},
"file-lists":{"href":"https://primary.example:1556/netbackup/admin/jobs/%[1]d/file-lists"},
"try-logs":{"href":"https://primary.example:1556/netbackup/admin/jobs/%[1]d/try-logs"}},
"type":"job","id":"%[1]d","meta":{"page":{"cursor":"%[1]d"}},"attributes":{
"jobId":%[1]d,"parentJobId":%[2]d,"activeProcessId":8624,"mainProcessId":0,"jobType":"BACKUP","jobSubType":"SCHEDULED",
"policyType":"VMWARE","policyName":"vm-daily-%[3]d","scheduleType":"FULL_BACKUP","scheduleName":"full","clientName":"vm%[4]d.example",
"controlHost":"primary.example","jobOwner":"root","jobGroup":"","backupId":"vm%[4]d.example_1769990645","sourceMediaId":"",
"sourceStorageUnitName":"","sourceMediaServerName":"","destinationMediaId":"","destinationStorageUnitName":"msdp-stu",
"destinationMediaServerName":"media1.example","dataMovement":"STANDARD","streamNumber":0,"copyNumber":1,"priority":0,
"retentionLevel":3,"compression":0,"status":0,"state":"DONE","done":1,"numberOfFiles":1208,"estimatedFiles":1208,
"kilobytesTransferred":4294967296,"kilobytesToTransfer":0,"transferRate":91234,"percentComplete":100,"restartable":0,
"suspendable":0,"resumable":0,"killable":1,"frozenImage":0,"transportType":"LAN","dedupRatio":98.7,"dedupSpaceRatio":97,
"compressionSpaceRatio":0,"acceleratorOptimization":99.1,"currentOperation":0,"currentFile":"","jobQueueReason":0,
"jobQueueResource":"","robotName":"","vaultName":"","profileName":"","sessionId":0,"numberOfTapeToEject":0,
"submissionType":0,"dumpHost":"","instanceDatabaseName":"","auditUserName":"","auditDomainName":"","auditDomainType":0,
"restoreBackupIDs":"","applicationType":"VMWARE","offHostType":"STANDARD","dteMode":"ON","cancellable":0,
"startTime":"2026-02-02T00:00:30.000Z","endTime":"2026-02-02T00:06:16.256Z","activeTryStartTime":"2026-02-02T00:01:02.000Z",
"lastUpdateTime":"2026-02-02T00:06:16Z","kilobytesDataTransferred":52428800,"try":2,"assetID":"","assetDisplayableName":"",
"workloadDisplayName":"","elapsedTime":"PT5M46S","activeElapsedTime":"PT5M14S","childCount":0,"jobPath":"%[2]d.%[1]d"}}`

func wholeJobRow(id int) string { return fmt.Sprintf(wholeJob, id, id-1, id%20, id%500) }

// page is an answer of /admin/jobs with these rows.
func page(next string, rows ...string) string {
	pagination := `"limit":100`
	if next != "" {
		pagination += `,"next":` + strconv.Quote(next)
	}
	return `{"data":[` + strings.Join(rows, ",") + `],"links":{},"meta":{"pagination":{` + pagination + `}}}`
}

// serveRows answers every request with one last page.
func serveRows(rows ...string) roundTrip {
	return func(*http.Request) *http.Response { return reply(http.StatusOK, page("", rows...)) }
}

// job is a row with these attributes.
func job(id int, attributes string) string {
	return fmt.Sprintf(`{"type":"job","id":"%d","attributes":{"jobId":%d,%s}}`, id, id, attributes)
}

func listJobs(t *testing.T, c *Client, q JobQuery) []Job {
	t.Helper()
	var jobs []Job
	for j, err := range c.Jobs(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	return jobs
}

func oneJob(t *testing.T, attributes string) (Job, map[string]uint64) {
	t.Helper()
	c := newTestClient(t, serveRows(job(7, attributes)))
	jobs := listJobs(t, c, JobQuery{})
	if len(jobs) != 1 || jobs[0].ID != 7 {
		t.Fatalf("jobs %+v, want job 7 alone", jobs)
	}
	return jobs[0], c.Problems().Snapshot()
}

func TestJobWithEveryDocumentedAttribute(t *testing.T) {
	c := newTestClient(t, serveRows(wholeJobRow(501)))
	got := listJobs(t, c, JobQuery{})
	want := []Job{{
		ID: 501, ParentID: 500, Type: "BACKUP", State: StateDone, PolicyType: "VMWARE",
		Policy: "vm-daily-1", ScheduleType: "FULL_BACKUP", Client: "vm1.example",
		DestinationMediaServer: "media1.example", StorageUnit: "msdp-stu", Copy: 1,
		Status: some[int64](0), Try: 2,
		Start:                    time.Date(2026, 2, 2, 0, 0, 30, 0, time.UTC),
		End:                      time.Date(2026, 2, 2, 0, 6, 16, 256e6, time.UTC),
		ActiveTryStart:           time.Date(2026, 2, 2, 0, 1, 2, 0, time.UTC),
		LastUpdate:               time.Date(2026, 2, 2, 0, 6, 16, 0, time.UTC),
		KilobytesTransferred:     some[int64](1 << 32),
		KilobytesDataTransferred: some[int64](52428800),
		NumberOfFiles:            some[int64](1208),
		TransferRate:             some[int64](91234),
		DedupRatio:               some(98.7),
	}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Job{}, "Given", "Named", "OddTry")); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	if n := c.Problems().Snapshot(); len(n) != 0 {
		t.Errorf("problems %v, want none", n)
	}
}

// Seen in an exporter: one float where an integer was expected lost every job metric.
func TestFloatIntoIntCostsNothing(t *testing.T) {
	j, problems := oneJob(t, `"status":1.0,"kilobytesTransferred":4.294967296e9,"numberOfFiles":12.7,"try":"3"`)
	if j.Status != some[int64](1) || j.KilobytesTransferred != some[int64](1<<32) || j.NumberOfFiles != some[int64](12) || j.Try != 3 {
		t.Errorf("job %+v", j)
	}
	if len(problems) != 0 {
		t.Errorf("problems %v, want none", problems)
	}
}

func TestOneBadFieldCostsThatField(t *testing.T) {
	tests := map[string]struct {
		attributes string
		problem    string // empty where nothing is wrong with it
	}{
		"object for a number":  {`"status":{"a":[1]},"clientName":"c"`, "job.status"},
		"array for a text":     {`"policyName":["p"],"clientName":"c"`, "job.policyName"},
		"word for a number":    {`"try":"many","clientName":"c"`, "job.try"},
		"bool for a number":    {`"numberOfFiles":true,"clientName":"c"`, "job.numberOfFiles"},
		"beyond 64 bits":       {`"kilobytesTransferred":1e30,"clientName":"c"`, "job.kilobytesTransferred"},
		"no date":              {`"endTime":"yesterday","clientName":"c"`, "job.endTime"},
		"infinite ratio":       {`"dedupRatio":"Infinity","clientName":"c"`, "job.dedupRatio"},
		"null":                 {`"status":null,"endTime":null,"policyName":null,"elapsedTime":null,"clientName":"c"`, ""},
		"empty strings":        {`"status":"","endTime":"","dedupRatio":"","elapsedTime":"","clientName":"c"`, ""},
		"unknown field":        {`"killable":1,"later":{"a":[{}]},"clientName":"c"`, ""},
		"escaped name":         {`"client\u004eame":"c"`, ""},
		"the same field twice": {`"clientName":"b","clientName":"c"`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			j, problems := oneJob(t, test.attributes)
			if diff := cmp.Diff(Job{ID: 7, Client: "c"}, j, cmpopts.IgnoreFields(Job{}, "Given", "Named", "OddTry")); diff != "" {
				t.Errorf("job (-want +got):\n%s", diff)
			}
			want := map[string]uint64{}
			if test.problem != "" {
				want[test.problem] = 1
			}
			if diff := cmp.Diff(want, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOneBadRowCostsThatRow(t *testing.T) {
	for name, row := range map[string]string{
		"null": `null`, "number": `12`, "array": `[{"id":"9"}]`, "no id": `{"attributes":{"clientName":"c"}}`,
		"attributes no object": `{"attributes":"none"}`, "empty": `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, serveRows(job(1, `"try":1`), row, job(2, `"try":1`)))
			if jobs := listJobs(t, c, JobQuery{}); len(jobs) != 2 || jobs[0].ID != 1 || jobs[1].ID != 2 {
				t.Errorf("jobs %+v, want 1 and 2", jobs)
			}
			if c.Problems().Snapshot()["job"] != 1 {
				t.Errorf("problems %v, want one row", c.Problems().Snapshot())
			}
		})
	}
}

func TestJobIDAsNumberOrString(t *testing.T) {
	for _, row := range []string{
		`{"id":"7","attributes":{"jobId":7}}`, `{"id":7,"attributes":{"jobId":"7"}}`, `{"id":7}`,
		`{"attributes":{"jobId":7.0}}`, `{"attributes":{"jobId":7},"id":"x"}`, `{"attributes":{"jobId":7},"id":8}`,
	} {
		if jobs := listJobs(t, newTestClient(t, serveRows(row)), JobQuery{}); len(jobs) != 1 || jobs[0].ID != 7 {
			t.Errorf("%s: jobs %+v, want 7", row, jobs)
		}
	}
}

// A job that is not done has endTime 1970-01-01: it has none.
func TestEpochIsNoEndTime(t *testing.T) {
	for _, date := range []string{`"1970-01-01T00:00:00.000Z"`, `"1970-01-01T00:00:00Z"`, `0`, `""`, `null`} {
		if j, _ := oneJob(t, `"state":"ACTIVE","endTime":`+date); !j.End.IsZero() {
			t.Errorf("endTime %s: %v, want none", date, j.End)
		}
	}
}

func TestUndocumentedWordsPass(t *testing.T) {
	j, problems := oneJob(t, `"scheduleType":"FULL","jobType":"TELEPORT","state":"THINKING","policyType":46`)
	if j.ScheduleType != "FULL" || j.Type != "TELEPORT" || j.State != "THINKING" || j.PolicyType != "46" || len(problems) != 0 {
		t.Errorf("job %+v, problems %v", j, problems)
	}
}

func TestTextIsValidUTF8(t *testing.T) {
	j, _ := oneJob(t, "\"clientName\":\"caf\xe9\",\"policyName\":\"a\\\"b\\u00e9\"")
	if j.Client != "caf�" || j.Policy != `a"bé` {
		t.Errorf("client %q, policy %q", j.Client, j.Policy)
	}
}

func TestMediaServerIsTheOneWrittenTo(t *testing.T) {
	both := Job{SourceMediaServer: "from", DestinationMediaServer: "to"}
	source := Job{SourceMediaServer: "from"}
	if both.MediaServer() != "to" || source.MediaServer() != "from" {
		t.Errorf("media servers %q and %q", both.MediaServer(), source.MediaServer())
	}
}

// Seen in an exporter: the next cursor, a string, was read into an integer, and every job
// metric was lost in silence. And: an offset was sent to this endpoint, which read the
// same page a thousand times.
func TestJobsFollowTheCursor(t *testing.T) {
	var asked []string
	c := newTestClient(t, func(r *http.Request) *http.Response {
		q := r.URL.Query()
		if q.Has("page[offset]") {
			t.Error("an offset was sent to a cursor endpoint")
		}
		asked = append(asked, q.Get("page[limit]")+" "+q.Get("page[after]"))
		switch q.Get("page[after]") {
		case "":
			return reply(200, page("MTIz/+=", job(1, `"try":1`), job(2, `"try":1`)))
		case "MTIz/+=":
			return reply(200, page("17", job(3, `"try":1`)))
		}
		return reply(200, page(""))
	})
	if jobs := listJobs(t, c, JobQuery{Filter: "state eq 'DONE'", Sort: "lastUpdateTime"}); len(jobs) != 3 {
		t.Errorf("%d jobs, want 3", len(jobs))
	}
	if want := []string{"100 ", "100 MTIz/+=", "100 17"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

func TestJobsLimitAsksForNoMore(t *testing.T) {
	var limits []string
	c := newTestClient(t, func(r *http.Request) *http.Response {
		limits = append(limits, r.URL.Query().Get("page[limit]"))
		n, _ := strconv.Atoi(limits[len(limits)-1])
		rows := make([]string, n)
		for i := range rows {
			rows[i] = job(i+1, `"try":1`)
		}
		return reply(200, page(strconv.Itoa(len(limits)), rows...))
	})
	if jobs := listJobs(t, c, JobQuery{Limit: 130}); len(jobs) != 130 {
		t.Errorf("%d jobs, want 130", len(jobs))
	}
	if !slices.Equal(limits, []string{"100", "30"}) {
		t.Errorf("page limits %v, want 100 and 30", limits)
	}
}

// A filter that is encoded twice answers 400, and a plus sign is not a space everywhere.
func TestFilterIsEncodedOnce(t *testing.T) {
	const filter = "lastUpdateTime ge 2026-02-02T00:00:00.000Z and state eq 'DONE'"
	var raw string
	c := newTestClient(t, func(r *http.Request) *http.Response {
		raw = r.URL.RawQuery
		if got := r.URL.Query().Get("filter"); got != filter {
			t.Errorf("filter %q", got)
		}
		return reply(200, page(""))
	})
	listJobs(t, c, JobQuery{Filter: filter})
	if strings.ContainsAny(raw, "+ ") || !strings.Contains(raw, "lastUpdateTime%20ge%202026") {
		t.Errorf("query %q", raw)
	}
}

func BenchmarkJobs(b *testing.B) {
	const rows = 100
	all := make([]string, rows)
	for i := range all {
		all[i] = wholeJobRow(i + 1)
	}
	body := []byte(page("", all...))
	b.Run("decoder", func(b *testing.B) {
		d := newTestDecoder()
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			_, err := d.page(body, func() bool {
				j, ok := jobRow(d)
				if ok && j.Policy != "" {
					n++
				}
				return true
			})
			if err != nil || n != rows {
				b.Fatal(n, err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/job")
	})
	b.Run("encoding/json", func(b *testing.B) { benchmarkStdlib(b, body, rows) })
}

// benchmarkStdlib is what the decoder is measured against: the same fields by reflection.
func benchmarkStdlib(b *testing.B, body []byte, rows int) {
	type attributes struct {
		JobID, ParentJobID, Status, Try, JobQueueReason, ChildCount                                     int64
		JobType, JobSubType, State, PolicyType, PolicyName, ScheduleName, ScheduleType, ClientName      string
		SourceMediaServerName, DestinationMediaServerName, DestinationStorageUnitName, JobQueueResource string
		StartTime, EndTime, ActiveTryStartTime, LastUpdateTime                                          time.Time
		ElapsedTime                                                                                     string
		KilobytesTransferred, KilobytesDataTransferred, NumberOfFiles, TransferRate                     int64
		DedupRatio                                                                                      float64
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var v struct {
			Data []struct{ Attributes attributes }
		}
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&v); err != nil || len(v.Data) != rows {
			b.Fatal(len(v.Data), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/job")
}
