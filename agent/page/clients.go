package page

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"backwire/source/overview"
)

// clientRow is one client under one policy.
type clientRow struct {
	Site string
	*overview.ClientPolicy
	result result
	late   bool
}

// show is which rows of the clients are wanted.
type show string

const (
	showAll     show = "all"
	showFailed  show = "failed"
	showOverdue show = "overdue"
)

// shows are the choices, in the order in which they are offered.
func shows() []show { return []show{showAll, showFailed, showOverdue} }

func (s show) wants(r *clientRow) bool {
	return s == showAll || s == showFailed && (r.result == failed || r.result == relapsed) || s == showOverdue && r.late
}

// A client is late when a backup of it was due and has not started. Where its policy does not tell that, it is when it has had
// no success for a day and a little more.
func late(c *overview.ClientPolicy, now time.Time) bool {
	if c.Due != 0 {
		return c.Due < now.UnixMilli()
	}
	return c.Success < now.Add(-26*time.Hour).UnixMilli()
}

// clientRows are all clients, those first whose success is the longest ago.
func (n night) clientRows(now time.Time, sites []*overview.Site) []clientRow {
	var rows []clientRow
	for _, s := range sites {
		rows = slices.Grow(rows, len(s.Clients))
		for i := range s.Clients {
			c := &s.Clients[i]
			rows = append(rows, clientRow{s.Name, c, n.resultOf(c, now), late(c, now)})
		}
	}
	slices.SortFunc(rows, func(a, b clientRow) int {
		return cmp.Or(cmp.Compare(a.ClientPolicy.Success, b.ClientPolicy.Success), cmp.Compare(a.ClientPolicy.Attempt, b.ClientPolicy.Attempt),
			cmp.Compare(a.Client, b.Client), cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Site, b.Site))
	})
	return rows
}

// Success, Attempt and Due are nil where there is none.
func (r clientRow) Success() *time.Time { return moment(r.ClientPolicy.Success) }
func (r clientRow) Attempt() *time.Time { return moment(r.ClientPolicy.Attempt) }
func (r clientRow) Due() *time.Time {
	if r.ClientPolicy.Due == overview.NothingDue {
		return nil
	}
	return moment(r.ClientPolicy.Due)
}

// failedRun is the failed run that a row of the failed ones is about: the last that nothing has made good. Of what is not known
// there is nothing.
type failedRun struct {
	overview.Failed
	Schedule string // its type, in a person's letters
	Took     string
}

// Failure is what failed. Where no run is known by itself it is the last one.
func (r clientRow) Failure() failedRun {
	if r.Failed == nil {
		return failedRun{Failed: overview.Failed{Status: r.Status, Meaning: r.Meaning, End: r.ClientPolicy.Attempt}}
	}
	f := failedRun{Failed: *r.Failed, Schedule: inWords(r.Failed.ScheduleType)}
	if f.Start > 0 && f.Start <= f.Failed.End {
		f.Took = Roughly(time.Duration(f.Failed.End-f.Start) * time.Millisecond)
	}
	return f
}

// End is nil where it is not known.
func (f failedRun) End() *time.Time { return moment(f.Failed.End) }

// clientTable is as many clients as are shown at once.
type clientTable struct {
	Show   show
	Known  int // clients and policies
	Wanted int // of them
	Rows   []clientRow
}

const (
	shownOnPage  = 25
	shownInTable = 1000
)

func tableOf(rows []clientRow, wanted show) clientTable { return search(rows, wanted, "", shownOnPage) }

// search takes the rows that are wanted and whose names hold the words.
func search(rows []clientRow, wanted show, words string, most int) clientTable {
	t := clientTable{Show: wanted, Known: len(rows)}
	words = strings.ToLower(words)
	for i := range rows {
		r := &rows[i]
		if !wanted.wants(r) || !strings.Contains(strings.ToLower(r.Client+" "+r.Policy+" "+r.Site), words) {
			continue
		}
		if t.Wanted++; len(t.Rows) < most {
			t.Rows = append(t.Rows, *r)
		}
	}
	return t
}

// More is how many are wanted and not shown.
func (t clientTable) More() int { return t.Wanted - len(t.Rows) }

// clientsView is the page of the clients as its template wants it.
type clientsView struct {
	view
	Table clientTable
	Query string
	Shows []show
}

// Whole is the table without a word of what is not shown.
func (v *clientsView) Whole() clientTable {
	t := v.Table
	t.Wanted = len(t.Rows)
	return t
}

// clients answers with the clients that a query asks for, as a page.
func (p *page) clients(w http.ResponseWriter, r *http.Request) {
	v, table, ok := p.searched(w, r, shownInTable)
	if ok {
		p.render(w, "clients", &clientsView{v, table, r.FormValue("q"), shows()})
	}
}

// searched finds what a request asks for; it answers false where it has answered the request.
func (p *page) searched(w http.ResponseWriter, r *http.Request, most int) (view, clientTable, bool) {
	wanted := show(cmp.Or(r.FormValue("show"), string(showAll)))
	if !slices.Contains(shows(), wanted) {
		http.Error(w, "show is all, failed or overdue", http.StatusBadRequest)
		return view{}, clientTable{}, false
	}
	sites := p.facts.Overviews()
	v := look(p.facts.Status(), sites, p.where, p.hours)
	return v, search(v.Night.clientRows(v.Now, sites), wanted, r.FormValue("q"), most), true
}
