package compat

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const hour = Window

// jobAt is a finished backup of 1 KiB.
func jobAt(id, end int64, status int32) Job {
	return Job{ID: id, End: end, Type: backup, PolicyType: "ORACLE", Policy: "gold", Client: "db-1", Status: status, Bytes: 1024, Files: 1}
}

func wantIDs(t *testing.T, jobs []Job, want ...int64) {
	t.Helper()
	var got []int64
	for _, j := range jobs {
		got = append(got, j.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("jobs %v, want %v", got, want)
	}
}

// What ended an hour ago to the millisecond is out of it, and a job that is shown again is there once.
func TestEndedJobsKeepsAnHour(t *testing.T) {
	e := NewEndedJobs()
	e.Begin(2 * hour)
	e.Note(jobAt(7, hour+2, 0))
	e.Note(jobAt(3, hour+1, 0))
	e.Note(jobAt(4, hour, 0))
	e.Note(jobAt(7, hour+2, 1))
	wantIDs(t, e.All(), 3, 7)
	if got := e.All()[1].Status; got != 1 {
		t.Errorf("the job that came again has the status %d, want the later 1", got)
	}
	e.Begin(2*hour + 1)
	wantIDs(t, e.All(), 7)
}

func TestEndedJobsThatAreNotWanted(t *testing.T) {
	var e *EndedJobs
	e.Begin(2 * hour)
	e.Note(jobAt(1, 2*hour, 0))
	wantIDs(t, e.All())
}

// gaugesOf declares the metrics and spells what set sets, sorted.
func gaugesOf(set func(*Exporter, *collect.Gauges)) (lines []string) {
	var all []*collect.Family
	x, g := Declare(&all), collect.NewGauges("paris")
	set(x, g)
	for _, s := range g.AppendTo(nil) {
		parts := []string{s.Series.Name}
		for _, l := range s.Series.Labels {
			if l.Name != "site" {
				parts = append(parts, l.Value)
			}
		}
		lines = append(lines, fmt.Sprintf("%s %v", strings.Join(parts, " "), s.Value))
	}
	slices.Sort(lines)
	return lines
}

func want(t *testing.T, lines []string, line string, there bool) {
	t.Helper()
	if slices.Contains(lines, line) != there {
		t.Errorf("%q: there %v, want %v, among %q", line, !there, there, lines)
	}
}

// The mean is over the jobs that give a ratio, a sum over all or none.
func TestSumsAndMeansOfEndedJobs(t *testing.T) {
	first, second, third := jobAt(1, 2*hour, 0), jobAt(2, 2*hour, 0), jobAt(3, 2*hour, 0)
	first.DedupRatio, second.DedupRatio = api.Optional[float64]{Value: 80, Given: true}, api.Optional[float64]{Value: 90, Given: true}
	third.Bytes = -1
	lines := gaugesOf(func(x *Exporter, g *collect.Gauges) { x.Jobs(g, []Job{first, second, third}, nil, 10) })
	want(t, lines, "nbu_jobs_dedup_ratio BACKUP ORACLE 85", true)
	want(t, lines, "nbu_jobs_files_count BACKUP ORACLE 3", true)
	want(t, lines, "nbu_jobs_bytes BACKUP ORACLE 0 2048", false)
	want(t, lines, "nbu_jobs_state_count BACKUP DONE 3", true)
}

// A backup of an hour is the client's last one where it is later than what is remembered, and not where it failed.
func TestLastSuccessOfClients(t *testing.T) {
	remembered := []Backup{{Client: "db-1", Policy: "gold", End: 500}, {Client: "db-1", Policy: "silver", End: 7300}}
	ok, failed := jobAt(1, 7_200_000, 0), jobAt(2, 7_500_000, 58)
	lines := gaugesOf(func(x *Exporter, g *collect.Gauges) { x.Jobs(g, []Job{ok, failed}, remembered, 10) })
	want(t, lines, "nbu_client_last_job_success_seconds BACKUP db-1 gold 7200", true)
	want(t, lines, "nbu_client_last_successful_backup_timestamp_seconds db-1 7300", true)
}

func TestClientLimit(t *testing.T) {
	for limit := range 5 {
		lines := gaugesOf(func(x *Exporter, g *collect.Gauges) {
			x.clients(g, []Job{jobAt(1, 2*hour, 0), jobAt(2, 2*hour, 1)}, []Backup{{Client: "a", Policy: "p", End: 1}, {Client: "b", Policy: "p", End: 1}}, limit)
		})
		n := 0
		for _, l := range lines {
			if strings.HasPrefix(l, "nbu_client_jobs_count") || strings.HasPrefix(l, "nbu_client_last_job_success") {
				n++
			}
		}
		if n != limit {
			t.Errorf("limit %d: %d series: %q", limit, n, lines)
		}
	}
}

// A nil exporter is asked by collectors whose names are not wanted.
func TestRowsOfExporterThatIsNotWanted(t *testing.T) {
	var x *Exporter
	g := collect.NewGauges("paris")
	x.StorageUnit(g, &api.StorageUnit{})
	x.DiskPool(g, &api.DiskPool{Volumes: []api.DiskVolume{{}}})
	x.TapeDrive(g, &api.TapeDrive{Status: "UP"})
	x.Alert(g, &api.Alert{})
	x.MalwareScan(g, &api.MalwareScan{})
	x.Image(g, &api.Image{})
	x.SLO(g)
	x.TapeMedium(g, &api.TapeMedium{})
	x.VolumePool(g, &api.VolumePool{PartiallyFull: api.Optional[int64]{Given: true}})
	x.RobotHost(g)
	x.OpenJob(g, &api.Job{})
	if got := g.AppendTo(nil); len(got) > 0 {
		t.Errorf("%d samples, want none", len(got))
	}
}
