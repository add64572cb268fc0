package rules_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// of is a metric of a client of policy oracle at paris, with further labels.
func of(metric, client, labels string) string {
	return fmt.Sprintf(`%s{site="paris",client="%s",policy="oracle"%s}`, metric, client, labels)
}

// each is a metric of so many clients with the same values.
func each(metric string, clients int, labels, values string) (all []series) {
	for i := range clients {
		all = append(all, series{of(metric, fmt.Sprintf("db%d", i+1), labels), values})
	}
	return all
}

const (
	attemptMetric  = "nbu_client_last_attempt_timestamp_seconds"
	dueMetric      = "nbu_client_due_timestamp_seconds"
	failuresMetric = "nbu_client_consecutive_failures"
	neverMetric    = "nbu_client_never_succeeded"
	statusMetric   = "nbu_client_last_status"
	successMetric  = "nbu_client_last_success_timestamp_seconds"
	full           = `,schedule_type="FULL"`
	incremental    = `,schedule_type="DIFFERENTIAL_INCREMENTAL"`
)

func policyTrials() []trial {
	oracle := map[string]string{"site": "paris", "policy": "oracle"}
	return []trial{
		{
			// Two types of one client are one client.
			alert: "NetBackupPolicyBackupsMissed", at: "3h", every: "1m", labels: oracle,
			fires:   each(dueMetric, 3, full, "3600x200"),
			silent:  append(each(dueMetric, 2, full, "3600x200"), each(dueMetric, 2, incremental, "3600x200")...),
			summary: "3 clients of policy oracle (site paris) were due and have no good backup since",
		},
		{
			// What was cancelled did not fail.
			alert: "NetBackupPolicyBackupsFailed", at: "1h", every: "1m", labels: oracle,
			fires:   each(statusMetric, 4, "", "129x100"),
			silent:  append(each(statusMetric, 4, "", "150x100"), series{of(statusMetric, "db5", ""), "129x100"}),
			summary: "the last backups of 4 clients of policy oracle (site paris) failed",
		},
		{
			alert: "NetBackupPolicyBackupsCancelled", at: "2h", every: "1m", labels: oracle,
			fires:   each(statusMetric, 3, "", "150x200"),
			silent:  each(statusMetric, 3, "", "150x70 0x130"), // repeated
			summary: "the last backups of 3 clients of policy oracle (site paris) were cancelled",
		},
		{
			alert: "NetBackupPolicyClientsNeverSucceeded", at: "2h", every: "1m", labels: oracle,
			fires:   each(neverMetric, 3, "", "1x200"),
			silent:  each(neverMetric, 2, "", "1x200"),
			summary: "3 clients of policy oracle (site paris) have never been backed up successfully",
		},
	}
}

func failedTrials() []trial {
	db1 := map[string]string{"site": "paris", "client": "db1", "policy": "oracle"}
	status, failures := of(statusMetric, "db1", ""), of(failuresMetric, "db1", "")
	return []trial{
		{
			// NetBackup repeats it within half an hour.
			alert: "NetBackupBackupFailed", at: "1h", every: "1m", labels: db1,
			fires:   []series{{status, "58x100"}, {failures, "1x100"}},
			silent:  []series{{status, "58x40 0x60"}, {failures, "1x40 0x60"}},
			summary: "db1 (policy oracle, site paris): the last backup failed with status 58",
		},
		{
			// Partly successful is no failure, and what fails again has its own alert.
			alert: "NetBackupBackupFailed", at: "1h", every: "1m", labels: db1,
			fires:   []series{{status, "2x100"}},
			silent:  []series{{status, "58x100"}, {failures, "2x100"}, {of(statusMetric, "db2", ""), "1x100"}},
			summary: "db1 (policy oracle, site paris): the last backup failed with status 2",
		},
		{
			alert: "NetBackupBackupFailingAgain", at: "1h", every: "1m", labels: db1,
			fires:   []series{{status, "58x100"}, {failures, "3x100"}},
			silent:  []series{{status, "58x100"}, {failures, "1x100"}},
			summary: "db1 (policy oracle, site paris): 3 backups in a row have failed",
		},
		{
			alert: "NetBackupBackupCancelled", at: "2h", every: "1m", labels: db1,
			fires:   []series{{status, "150x200"}, {failures, "2x200"}},
			silent:  []series{{status, "58x200"}, {failures, "2x200"}},
			summary: "db1 (policy oracle, site paris): the last backup was cancelled",
		},
	}
}

func unknownTrials() []trial {
	paris := map[string]string{"site": "paris"}
	const (
		read       = `nbu_collector_last_success_timestamp_seconds{site="paris",collector="jobs"}`
		unreadable = `nbu_policies_unreadable{site="paris"}`
		copied     = `nbu_jobs_completed_total{site="paris",job_type="DUPLICATE",parent="false",result="success",status="0"}`
		uncopied   = `nbu_jobs_completed_total{site="paris",job_type="DUPLICATE",parent="false",result="failure",status="84"}`
		stopped    = `nbu_jobs_completed_total{site="paris",job_type="DUPLICATE",parent="false",result="failure",status="150"}`
	)
	duplications := map[string]string{"site": "paris", "job_type": "DUPLICATE"}
	return []trial{
		{
			alert: "NetBackupSiteNotHeard", at: "2h", every: "1m", labels: paris,
			fires:   []series{{up, "1x200"}, {read, "0x200"}},
			silent:  []series{{up, "1x200"}, {read, "0+60x200"}},
			summary: "the jobs of paris were last read 2h 0m 0s ago: its backups are not known",
		},
		{
			alert: "NetBackupPoliciesUnreadable", at: "2h", every: "1m", labels: paris,
			fires:   []series{{unreadable, "2x200"}},
			silent:  []series{{unreadable, "2x30 0x170"}},
			summary: "2 policies of paris cannot be read",
		},
		{
			alert: "NetBackupCopiesFailing", at: "7h", every: "1m", labels: duplications,
			fires:   []series{{copied, "0+3x500"}, {uncopied, "0+1x500"}},
			silent:  []series{{copied, "0+3x500"}, {stopped, "0+1x500"}},
			summary: "25% of the DUPLICATE jobs at paris fail",
		},
		{
			// A few a day are too few for a rate, unless all of them fail.
			alert: "NetBackupCopiesFailing", at: "30h", every: "1h", labels: duplications,
			fires:   []series{{copied, "0x40"}, {uncopied, "0x10 1x10 2x20"}},
			silent:  []series{{copied, "0x10 1x30"}, {uncopied, "0x20 1x20"}},
			summary: "100% of the DUPLICATE jobs at paris fail",
		},
	}
}

// situation is something that happens, and what somebody is told before, while and after it does. No other alert fires.
type situation struct {
	name   string
	input  []series // a sample an hour; time begins on a Thursday at midnight
	alerts map[string]map[string]int
}

// What a person asks for at eight in the morning, and what the rules say to it: each alert by the hour at which it is looked at, with
// how many of it fire.
func TestSituations(t *testing.T) {
	const step = 3600
	nine := func(metric, labels, values string) []series { return each(metric, 9, labels, values) }
	tenth := func(metric, labels, values string) series { return series{of(metric, "db10", labels), values} }
	var cases []testCase
	for _, s := range []situation{
		{
			name: "one of two streams fails each night: the run has failed", // its status is the worst
			input: []series{
				{of(statusMetric, "db1", ""), "0x23 13x71 0x50"}, {of(failuresMetric, "db1", ""), "0x23 1x23 2x23 3x23 0x50"},
			},
			alerts: map[string]map[string]int{
				"20h": {}, "30h": {"NetBackupBackupFailed": 1}, "80h": {"NetBackupBackupFailingAgain": 1}, "110h": {},
			},
		},
		{
			name: "nine of ten clients of a daily policy do not run for three days",
			input: append(nine(dueMetric, full, fmt.Sprintf("%dx99 %dx50", 30*step, 200*step)),
				tenth(dueMetric, full, fmt.Sprintf("%dx149", 200*step))),
			alerts: map[string]map[string]int{
				"29h": {}, "33h": {"NetBackupPolicyBackupsMissed": 1, "NetBackupBackupMissed": 9},
				"90h": {"NetBackupPolicyBackupsMissed": 1, "NetBackupBackupMissed": 9}, "102h": {},
			},
		},
		{
			name:   "6,000 clients find no room under the cap",
			input:  []series{{`nbu_client_overflow_total{site="paris"}`, "0x29 6000x10 12000x70"}},
			alerts: map[string]map[string]int{"25h": {}, "31h": {"NetBackupClientsNotWatched": 1}, "70h": {}},
		},
		{
			name: "two primaries never answer",
			input: []series{
				{`nbu_up{site="paris"}`, "0x40 1x20"},
				{`nbu_up{site="lyon"}`, "0x60"},
				{`nbu_up{site="rome"}`, "1x60"},
				{`nbu_catalog_backup_last_success_timestamp_seconds{site="paris"}`, "0+3600x60"},
				{`nbu_catalog_backup_last_success_timestamp_seconds{site="rome"}`, "0+3600x60"},
			},
			alerts: map[string]map[string]int{"0h": {}, "20h": {"NetBackupServerDown": 2}, "45h": {"NetBackupServerDown": 1}},
		},
		{
			name: "the snapshots of a new machine fail from its first night on", // its policy finds it by a query
			input: []series{
				{of(attemptMetric, "db1", ""), fmt.Sprintf("_x10 %dx24 %dx24 %dx24 %dx40", 10*step, 34*step, 58*step, 82*step)},
				{of(statusMetric, "db1", ""), "_x10 156x72 0x40"},
				{of(failuresMetric, "db1", ""), "_x10 1x24 2x24 3x24 0x40"},
				{of(successMetric, "db1", full), fmt.Sprintf("_x82 %dx40", 82*step)},
				{of(dueMetric, "db1", full), fmt.Sprintf("_x10 %dx72 %dx40", 40*step, 130*step)},
			},
			alerts: map[string]map[string]int{
				"9h": {}, "20h": {"NetBackupBackupFailed": 1},
				"60h":  {"NetBackupBackupFailingAgain": 1, "NetBackupBackupMissed": 1, "NetBackupClientNeverSucceeded": 1},
				"100h": {},
			},
		},
		{
			name: "the weekly full fails for weeks beside good incrementals",
			input: []series{
				{of(statusMetric, "db1", ""), "0x330"},
				{of(failuresMetric, "db1", ""), "0x330"},
				{of(successMetric, "db1", full), fmt.Sprintf("0x300 %dx30", 300*step)},
				{of(successMetric, "db1", incremental), "0+3600x330"},
				{of(dueMetric, "db1", incremental), "90000+3600x330"},
				{of(dueMetric, "db1", full), fmt.Sprintf("%dx300 %dx30", 176*step, 476*step)},
			},
			alerts: map[string]map[string]int{"170h": {}, "180h": {"NetBackupBackupMissed": 1}, "290h": {"NetBackupBackupMissed": 1}, "310h": {}},
		},
		{
			name: "the full backup always fails beside log backups that succeed", // the last run is good, and its failures are forgotten
			input: []series{
				{of(statusMetric, "db1", ""), "0x100"},
				{of(successMetric, "db1", `,schedule_type="TRANSACTION_LOG"`), "0+3600x100"},
				{of(dueMetric, "db1", `,schedule_type="TRANSACTION_LOG"`), "7200+3600x100"},
				{of(dueMetric, "db1", full), fmt.Sprintf("%dx70 %dx30", 30*step, 200*step)},
			},
			alerts: map[string]map[string]int{"29h": {}, "40h": {"NetBackupBackupMissed": 1}, "80h": {}},
		},
		{
			// Monday is the fifth day. After Friday night the date is Monday's, 23:00; it runs on Tuesday again.
			name: "Monday to Friday: a weekend is silent, a Monday that is left out is not",
			input: []series{
				{of(successMetric, "db1", full), fmt.Sprintf("%dx120 %dx48", 46*step, 142*step)},
				{of(dueMetric, "db1", full), fmt.Sprintf("%dx24 %dx22 %dx95 %dx27", 23*step, 47*step, 119*step, 167*step)},
			},
			alerts: map[string]map[string]int{"60h": {}, "90h": {}, "118h": {}, "121h": {"NetBackupBackupMissed": 1}, "130h": {"NetBackupBackupMissed": 1}, "150h": {}},
		},
		{
			name: "nothing is promised: closed windows, a date in 2030, a policy that only people start",
			input: []series{
				{of(successMetric, "db1", full), "0x300"},
				{of(attemptMetric, "db1", ""), "0x300"},
				{of(neverMetric, "db1", ""), "0x300"},
				{of(dueMetric, "db2", full), "1900000000x300"},
				{of(neverMetric, "db2", ""), "0x300"},
			},
			alerts: map[string]map[string]int{"24h": {}, "250h": {}},
		},
		{
			name:   "a weekly policy in the first week after the installation",
			input:  []series{{of(dueMetric, "db1", full), fmt.Sprintf("%dx167 %dx33", 170*step, 338*step)}, {of(neverMetric, "db1", ""), "0x200"}},
			alerts: map[string]map[string]int{"24h": {}, "160h": {}, "180h": {}},
		},
		{
			name:   "a machine is deleted, and its query does not find it any more",
			input:  []series{{of(dueMetric, "db1", full), fmt.Sprintf("%dx24 stale", 30*step)}, {of(successMetric, "db1", full), "0x24 stale"}},
			alerts: map[string]map[string]int{"20h": {}, "40h": {}},
		},
		{
			name: "no policy can be read: the newest success of any type counts, and a day is allowed",
			input: []series{
				{of(attemptMetric, "db1", ""), "0x60"},
				{of(successMetric, "db1", full), "0x60"},
				{of(successMetric, "db1", incremental), fmt.Sprintf("0x39 %dx20", 40*step)},
			},
			alerts: map[string]map[string]int{"29h": {}, "35h": {"NetBackupClientMissedRPO": 1}, "45h": {}},
		},
		{
			name: "one policy cannot be read: the others are watched as before",
			input: []series{
				{`nbu_policies_unreadable{site="paris"}`, "0x10 1x30 0x20"},
				{of(dueMetric, "db1", full), fmt.Sprintf("%dx60", 100*step)},
				{`nbu_client_last_attempt_timestamp_seconds{site="paris",client="web1",policy="linux"}`, "0x60"},
				{`nbu_client_last_success_timestamp_seconds{site="paris",client="web1",policy="linux"}`, "0x60"},
				{of(neverMetric, "db1", ""), "0x60"},
			},
			alerts: map[string]map[string]int{"9h": {}, "30h": {"NetBackupPoliciesUnreadable": 1}, "50h": {}},
		},
		{
			name:  "somebody cancels a policy's backups, and they are made up for",
			input: append(nine(statusMetric, "", "0x20 150x10 0x20"), nine(failuresMetric, "", "0x20 1x10 0x20")...),
			alerts: map[string]map[string]int{
				"19h": {}, "25h": {"NetBackupPolicyBackupsCancelled": 1, "NetBackupBackupCancelled": 9}, "35h": {},
			},
		},
		{
			name:   "the target of the duplications is down for a day",
			input:  []series{{`nbu_jobs_completed_total{site="paris",job_type="DUPLICATE",parent="false",result="success",status="0"}`, "0+20x50 1000x24 1020+20x60"}, {`nbu_jobs_completed_total{site="paris",job_type="DUPLICATE",parent="false",result="failure",status="84"}`, "0x50 20+20x23 480x61"}},
			alerts: map[string]map[string]int{"40h": {}, "60h": {"NetBackupCopiesFailing": 1}, "100h": {}},
		},
	} {
		cases = append(cases, s.testCase())
	}
	promtool(t, "1h", cases)
}

// testCase looks at what fires as Prometheus records it.
func (s situation) testCase() testCase {
	c := testCase{Name: s.name, Interval: "1h", Input: s.input}
	for _, at := range slices.Sorted(maps.Keys(s.alerts)) {
		check := exprCheck{At: at, Expr: `count by (alertname) (ALERTS{alertstate="firing",alertname!~"BackwireNoData|BackwireAgentSilent"})`, Samples: []expectedSample{}}
		for _, name := range slices.Sorted(maps.Keys(s.alerts[at])) {
			check.Samples = append(check.Samples, expectedSample{`{alertname="` + name + `"}`, float64(s.alerts[at][name])})
		}
		c.Exprs = append(c.Exprs, check)
	}
	return c
}
