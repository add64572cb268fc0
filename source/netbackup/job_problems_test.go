package netbackup

import (
	"fmt"
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/nbusim"
)

// What a row of a job says and nobody can read is left out, and is counted: by field, over restarts,
// beginning with 0. Without it nobody would know that a release writes a field in another way.
func TestJobProblemsAreCountedByField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Collect = []string{collectorJobs} })
		r.tick()
		r.want(none(), "nbu_job_problems_total")
		row := func(attributes string) {
			heal := r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Query: "lastUpdateTime", Effect: nbusim.Body(`{"data":[` + attributes + `]}`)})
			r.tick()
			heal()
		}
		const whole = `{"jobId":%d,"state":"DONE","status":0,"try":1,"parentJobId":0,"childCount":0,"jobType":"BACKUP","policyName":"p","policyType":"STANDARD",` +
			`"scheduleType":"FULL_BACKUP","clientName":"c","startTime":"2000-01-01T00:00:01Z","endTime":"2000-01-01T00:00:02Z","lastUpdateTime":"2000-01-01T00:00:02Z",` +
			`"activeTryStartTime":"2000-01-01T00:00:01Z","kilobytesTransferred":1,"kilobytesDataTransferred":1,"numberOfFiles":%s}`
		row(fmt.Sprintf(`{"id":"7","attributes":`+whole+`}`, 7, `"many"`))
		r.want(1, "nbu_job_problems_total", "field", "numberOfFiles")
		r.start()
		row(fmt.Sprintf(`{"id":"8","attributes":`+whole+`},5`, 8, `[1]`))
		r.want(2, "nbu_job_problems_total", "field", "numberOfFiles")
		r.want(1, "nbu_job_problems_total", "field", "row")
		r.tick()
		r.want(2, "nbu_job_problems_total", "field", "numberOfFiles")
	})
}
