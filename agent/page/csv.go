package page

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The tables as files for a spreadsheet: all rows, times as of RFC 3339.

// clientsCSV answers with the clients that a query asks for.
func (p *page) clientsCSV(w http.ResponseWriter, r *http.Request) {
	v, table, ok := p.searched(w, r, 1<<30)
	if !ok {
		return
	}
	rows := [][]string{{"site", "client", "policy", "last_success", "last_attempt", "status", "meaning", "failures_in_a_row", "due"}}
	zone := v.Now.Location()
	for _, c := range table.Rows {
		rows = append(rows, []string{
			c.Site, c.Client, c.Policy, instant(c.Success(), zone), instant(c.Attempt(), zone),
			strconv.Itoa(int(c.Status)), c.Meaning, strconv.Itoa(int(c.Failures)), instant(c.Due(), zone),
		})
	}
	p.csv(w, "clients-"+string(table.Show), rows)
}

// failedCSV answers with the failed runs.
func (p *page) failedCSV(w http.ResponseWriter, _ *http.Request) {
	rows := [][]string{{"site", "client", "policy", "schedule_type", "status", "meaning", "ended", "duration_seconds", "tries", "failures_in_a_row", "last_success", "due"}}
	sites := p.facts.Overviews()
	v := look(p.facts.Status(), sites, p.where, p.hours)
	known := func(n int64, yes bool) string {
		if !yes {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	for _, c := range search(v.Night.clientRows(v.Now, sites), showFailed, "", 1<<30).Rows {
		f := c.Failure()
		rows = append(rows, []string{
			c.Site, c.Client, c.Policy, f.ScheduleType, known(int64(f.Status), f.Status >= 0), f.Meaning, instant(f.End(), p.where),
			known((f.Failed.End-f.Start)/1000, f.Took != ""), known(int64(f.Tries), f.Tries > 0), strconv.Itoa(int(c.Failures)),
			instant(c.Success(), p.where), instant(c.Due(), p.where),
		})
	}
	p.csv(w, "failed", rows)
}

func (p *page) storageCSV(w http.ResponseWriter, _ *http.Request) {
	rows := [][]string{{"site", "name", "category", "used_bytes", "capacity_bytes", "state", "growth_bytes_a_day"}}
	for _, s := range storageRows(p.facts.Overviews()) {
		growth := ""
		if s.Known {
			growth = strconv.FormatFloat(s.Growth, 'f', 0, 64)
		}
		rows = append(rows, []string{
			s.Site, s.Name, s.Category, strconv.FormatFloat(s.Used, 'f', 0, 64), strconv.FormatFloat(s.Capacity, 'f', 0, 64), s.Forecast, growth,
		})
	}
	p.csv(w, "storage", rows)
}

func (p *page) jobsCSV(w http.ResponseWriter, _ *http.Request) {
	rows := [][]string{{"site", "job_type", "running", "queued", "suspended", "stalled", "details"}}
	for _, j := range jobsRows(p.facts.Status().Now.In(p.where), p.facts.Overviews()) {
		rows = append(rows, []string{
			j.Site, j.Type, strconv.Itoa(j.Active), strconv.Itoa(j.Queued), strconv.Itoa(j.Others), strconv.Itoa(j.Stalled), strings.Join(j.Words(), "; "),
		})
	}
	p.csv(w, "jobs", rows)
}

// csv answers with rows, the first of which names the columns.
func (p *page) csv(w http.ResponseWriter, name string, rows [][]string) {
	var body bytes.Buffer
	out := csv.NewWriter(&body)
	for _, row := range rows {
		for i := range row {
			row[i] = harmless(row[i])
		}
		_ = out.Write(row) // a buffer takes everything
	}
	out.Flush()
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="backwire-`+name+`.csv"`)
	p.write(w, body.Bytes())
}

// harmless keeps a spreadsheet from taking somebody's name for a formula (OWASP, "CSV Injection").
func harmless(text string) string {
	if text == "" || !strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text
	}
	return "'" + text
}

func instant(t *time.Time, zone *time.Location) string {
	if t == nil {
		return ""
	}
	return t.In(zone).Format(time.RFC3339)
}
