package page

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"time"

	"backwire/source/overview"
)

// view is the page as its template wants it.
type view struct {
	Style    template.CSS
	Script   template.JS
	Status   Status
	Now      time.Time // in the page's place
	Answer   verdict
	Night    night
	Chart    chart
	Overdue  overdue
	Storage  []storageRow
	Jobs     []jobsRow
	Troubles []string // what keeps the overview from being whole
	Several  bool     // sites
}

// look makes the view of a moment. Everything in it is from memory.
func look(s Status, sites []*overview.Site, where *time.Location) view {
	now := s.Now.In(where)
	n := lastNight(now)
	v := view{
		Status: s, Now: now, Night: n, Chart: n.draw(now, sites), Overdue: findOverdue(now, sites),
		Storage: storageRows(sites), Jobs: jobsRows(now, sites), Several: len(sites) > 1,
	}
	v.Answer = n.answer(now, n.protect(sites), v.Overdue.Known > 0)
	for i := range s.Sites {
		if site := &s.Sites[i]; site.State == "down" {
			v.Troubles = append(v.Troubles, "The primary server of site "+site.Name+" does not answer: its figures may be old.")
		}
	}
	return v
}

// overdue is who has had no success for longer than the policy promises.
type overdue struct {
	Known int          // clients and policies
	Late  int          // of them
	Rows  []overdueRow // the longest ago first, as many as are shown
}

type overdueRow struct {
	Site, Client, Policy string
	Success, Attempt     *time.Time
	Status               int32
	Failures             int32
}

// A client is late when it has had no success for as long as its policy leaves between two backups and a
// little more, so that one is not that takes longer than yesterday. Where no policy says, it is a day.
func late(c *overview.ClientPolicy, now time.Time) bool {
	every := cmp.Or(c.Every, 24*time.Hour)
	return c.Success < now.Add(-every-every/12).UnixMilli()
}

const shownOverdue = 25

func findOverdue(now time.Time, sites []*overview.Site) overdue {
	type client struct {
		site int
		*overview.ClientPolicy
	}
	var found []client
	o := overdue{}
	for i := range sites {
		clients := sites[i].Clients
		o.Known += len(clients)
		for j := range clients {
			if late(&clients[j], now) {
				found = append(found, client{i, &clients[j]})
			}
		}
	}
	slices.SortFunc(found, func(a, b client) int {
		return cmp.Or(cmp.Compare(a.Success, b.Success), cmp.Compare(a.Attempt, b.Attempt), cmp.Compare(a.Client, b.Client), cmp.Compare(a.Policy, b.Policy))
	})
	o.Late = len(found)
	for _, f := range found[:min(shownOverdue, len(found))] {
		o.Rows = append(o.Rows, overdueRow{
			Site: sites[f.site].Name, Client: f.Client, Policy: f.Policy,
			Success: moment(f.Success), Attempt: moment(f.Attempt), Status: f.Status, Failures: f.Failures,
		})
	}
	return o
}

// More is how many are late and not shown.
func (o overdue) More() int { return o.Late - len(o.Rows) }

func moment(ms int64) *time.Time {
	if ms <= 0 {
		return nil
	}
	return Instant(time.UnixMilli(ms))
}

// storageRow is one storage as it fills.
type storageRow struct {
	overview.Storage
	Site     string
	Percent  float64 // of the capacity
	Mark     float64 // percent at which it counts as full
	Tone     tone
	Forecast string
}

const shownStorage = 40

func storageRows(sites []*overview.Site) []storageRow {
	var rows []storageRow
	for i := range sites {
		for _, s := range sites[i].Storage {
			r := storageRow{Storage: s, Site: sites[i].Name, Percent: 100 * s.Used / s.Capacity, Mark: 100 * s.HighWater}
			r.judge()
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b storageRow) int { return cmp.Compare(a.rank(), b.rank()) })
	return rows[:min(shownStorage, len(rows))]
}

// When somebody should buy disks, and when it is late for that.
const (
	soonFull = 30 * 24 * time.Hour
	nearFull = 7 * 24 * time.Hour
)

// judge describes the state of the storage, in words and as a tone.
func (r *storageRow) judge() {
	days := int(r.FullIn.Hours() / 24)
	r.Tone = good
	switch {
	case r.Down:
		r.Tone, r.Forecast = bad, "down"
	case r.Percent >= r.Mark:
		r.Tone, r.Forecast = bad, "full"
	case !r.Known:
		r.Tone, r.Forecast = flat, "too early to tell"
	case !r.Fills:
		r.Forecast = "not filling"
	case days < 1:
		r.Tone, r.Forecast = bad, "full within a day"
	default:
		r.Forecast = fmt.Sprintf("full in %d days", days)
		if days == 1 {
			r.Forecast = "full in 1 day"
		}
		if r.FullIn < nearFull {
			r.Tone = bad
		} else if r.FullIn < soonFull {
			r.Tone = warn
		}
	}
}

// Pace is the growth in words, empty where it is not known.
func (r *storageRow) Pace() string {
	const steady = 0.0005 // of the capacity a day
	switch {
	case !r.Known:
		return ""
	case r.Growth > steady*r.Capacity:
		return "+" + ReadableSize(int64(r.Growth)) + " a day"
	case r.Growth < -steady*r.Capacity:
		return "−" + ReadableSize(int64(-r.Growth)) + " a day"
	}
	return "steady"
}

// rank sorts what needs somebody first.
func (r *storageRow) rank() float64 {
	switch {
	case r.Down:
		return -2
	case r.Percent >= r.Mark:
		return -1
	case r.Fills:
		return r.FullIn.Hours()
	}
	return 1e9 - r.Percent
}

// jobsRow is the jobs of one type that are not done.
type jobsRow struct {
	overview.Jobs
	Site string
	Now  time.Time
}

func jobsRows(now time.Time, sites []*overview.Site) []jobsRow {
	var rows []jobsRow
	for i := range sites {
		for _, j := range sites[i].Jobs {
			rows = append(rows, jobsRow{j, sites[i].Name, now})
		}
	}
	return rows
}

// Name is the type in a person's letters: BACKUP is Backup.
func (r jobsRow) Name() string {
	words := []rune(r.Type)
	for i, c := range words {
		switch {
		case c == '_':
			words[i] = ' '
		case i > 0 && c >= 'A' && c <= 'Z':
			words[i] = c + 'a' - 'A'
		}
	}
	return string(words)
}

// Words says what is behind the numbers.
func (r jobsRow) Words() []string {
	var words []string
	if !r.OldestActive.IsZero() && r.Active > 0 {
		words = append(words, "the longest runs for "+Roughly(r.Now.Sub(r.OldestActive)))
	}
	if !r.OldestQueued.IsZero() && r.Queued > 0 {
		words = append(words, "the longest waits for "+Roughly(r.Now.Sub(r.OldestQueued)))
	}
	for _, reason := range r.Reasons[:min(3, len(r.Reasons))] {
		words = append(words, fmt.Sprintf("%d: %s", reason.Jobs, reason.Words))
	}
	return words
}
