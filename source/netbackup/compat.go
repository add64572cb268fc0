package netbackup

import (
	"slices"

	"backwire/source/collect"
	"backwire/source/ledger"
	"backwire/source/netbackup/compat"
)

// addCompat adds the metrics of nbu_exporter, and to the one whose name both use the label that it lacks.
func (c *catalogue) addCompat() {
	c.duration.Labels = append(slices.Clone(c.duration.Labels), compat.LabelJobType)
	c.compat = compat.Declare(&c.all)
}

// emitCompat sets nbu_exporter's gauges of the server and of jobs once those of the cycle are known.
func (s *Site) emitCompat() {
	x, g := s.catalogue.compat, s.compatGauges
	if x == nil {
		return
	}
	g.Reset()
	if s.ping.APIVersion == "" {
		return
	}
	x.Server(g, s.ping.APIVersion)
	for _, c := range s.collectors {
		if c.Health.LastSuccess != 0 && (c.Name == collectorStorage || c.Name == collectorJobs) {
			x.LastScrape(g, c.Name, float64(c.Health.LastSuccess)/1000)
		}
	}
	if s.reading != nil && s.reading.Complete() {
		x.Jobs(g, s.ledger.lastHour.All(), s.clients.lastBackups(), s.cfg.MaxClientSeries)
	}
}

// lastBackups are the last successes of all clients under all policies.
func (c *clients) lastBackups() (list []compat.Backup) {
	for k, p := range c.pairs {
		if len(p.successes) > 0 {
			list = append(list, compat.Backup{Client: k.client, Policy: k.policy, End: p.lastSuccess()})
		}
	}
	return list
}

// noteLastHour keeps a job that has ended, or sees it again.
func (l *jobLedger) noteLastHour(row ledger.Row) {
	e := row.(*ending)
	l.lastHour.Note(compat.Job{
		ID: e.ID, End: e.End, Type: e.labels.jobType, PolicyType: e.labels.policyType, Policy: e.labels.policy, Client: e.client,
		Status: e.status, Bytes: e.bytes, Files: e.files, DedupRatio: e.dedup,
	})
}

// timingLabels are the values of the labels of a histogram of times: with nbu_exporter's names, the type of the job under
// both.
func timingLabels(f *collect.Family, jobType, policyType string) []string {
	if hasCompatLabel(f) {
		return []string{jobType, policyType, jobType}
	}
	return []string{jobType, policyType}
}

func hasCompatLabel(f *collect.Family) bool { return slices.Contains(f.Labels, compat.LabelJobType) }
