package demo

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"backwire/remotewrite/receiver"
	"backwire/source/netbackup/nbusim"
)

// JobCounts are finished leaf jobs by result.
type JobCounts map[string]int64

// Total is the jobs of all results.
func (c JobCounts) Total() int64 {
	var n int64
	for _, jobs := range c {
		n += jobs
	}
	return n
}

// Arrived is what the receiver was told.
func Arrived(r *receiver.Receiver) JobCounts {
	c := JobCounts{}
	for _, s := range r.Select("nbu_jobs_completed_total") {
		if s.Label("parent") != "true" {
			c[s.Label("result")] += int64(s.Last().V)
		}
	}
	return c
}

// Happened is what a perfect counter would say.
func Happened(t nbusim.Truth) JobCounts {
	c := JobCounts{}
	for key, jobs := range t.Completed {
		if !key.Parent {
			c[key.Result] += jobs
		}
	}
	return c
}

// writeArrival prints what arrived next to what happened.
func writeArrival(w io.Writer, got JobCounts, truth nbusim.Truth) {
	want := Happened(truth)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "finished jobs (without parent jobs)\tat the server\tat the receiver\t")
	for _, result := range []string{"success", "partial", "failure"} {
		fmt.Fprintf(table, "%s\t%d\t%d\t\n", result, want[result], got[result])
	}
	table.Flush()
}

// writeStorage prints the storage units that have a capacity.
func writeStorage(w io.Writer, r *receiver.Receiver) {
	used := map[string]float64{}
	for _, s := range r.Select("nbu_storage_unit_used_bytes") {
		used[s.Label("storage_unit")] = s.Last().V
	}
	units := r.Select("nbu_storage_unit_capacity_bytes")
	share := func(s receiver.Series) float64 { return used[s.Label("storage_unit")] / s.Last().V }
	slices.SortFunc(units, func(a, b receiver.Series) int { return cmp.Compare(share(b), share(a)) }) // the fullest first
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "storage unit\tcapacity\tused\t")
	for _, s := range units {
		fmt.Fprintf(table, "%s\t%.1f TiB\t%.0f %%\t\n", s.Label("storage_unit"), s.Last().V/(1<<40), 100*share(s))
	}
	table.Flush()
}
