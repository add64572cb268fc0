package netbackup

import (
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
			heal := r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Query: "state eq", Effect: nbusim.Body(`{"data":[` + attributes + `]}`)})
			r.tick()
			heal()
		}
		row(`{"id":"7","attributes":{"jobId":7,"state":"DONE","numberOfFiles":"many"}}`)
		r.want(1, "nbu_job_problems_total", "field", "numberOfFiles")
		r.start()
		row(`{"id":"8","attributes":{"jobId":8,"state":"DONE","numberOfFiles":[1]}},5`)
		r.want(2, "nbu_job_problems_total", "field", "numberOfFiles")
		r.want(1, "nbu_job_problems_total", "field", "row")
		r.tick()
		r.want(2, "nbu_job_problems_total", "field", "numberOfFiles")
	})
}
