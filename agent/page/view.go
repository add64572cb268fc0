package page

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"time"

	"backwire/agent/config"
	"backwire/source/overview"
)

// view is the page as its template wants it.
type view struct {
	Style   template.CSS
	Script  template.JS
	Status  Status
	Now     time.Time // in the page's place
	Answer  verdict
	Night   night
	Chart   chart
	Nights  []nightRow
	Sites   []siteRow // where there are several
	Failed  clientTable
	Overdue clientTable
	Paused  table[pausedRow]

	WithoutPolicy table[hostRow]
	Storage       []storageRow
	Jobs          []jobsRow
	Troubles      []string // what keeps the overview from being whole
}

// Several says whether a line has to say whose it is.
func (v *view) Several() bool { return len(v.Sites) > 0 }

// look makes the view of a moment. Everything in it is from memory.
func look(s Status, sites []*overview.Site, where *time.Location, hours config.Night) view {
	now := s.Now.In(where)
	n := lastNight(now, hours)
	v := view{
		Style: template.CSS(pageStyle), Script: template.JS(pageScript), //nolint:gosec // our own files
		Status: s, Now: now, Night: n, Chart: n.draw(now, sites), Nights: n.history(sites),
		Storage: first(shownStorage, storageRows(sites)), Jobs: jobsRows(now, sites),
	}
	var all outcome
	for _, site := range sites {
		o := n.of(site, now)
		all.add(o)
		if len(sites) > 1 {
			v.Sites = append(v.Sites, n.siteRow(now, site, o, stateOf(s, site.Name)))
		}
	}
	slices.SortStableFunc(v.Sites, func(a, b siteRow) int { return cmp.Compare(a.rank(), b.rank()) })
	v.Answer = n.answer(now, all)
	rows := n.clientRows(now, sites)
	v.Paused, v.WithoutPolicy = begin(pausedRows(sites)), begin(hostRows(sites))
	v.Failed, v.Overdue = tableOf(rows, showFailed), tableOf(rows, showOverdue)
	for i := range s.Sites {
		if site := &s.Sites[i]; site.State == "down" && len(sites) == 1 {
			v.Troubles = append(v.Troubles, "The primary server of site "+site.Name+" does not answer: its figures may be old.")
		}
	}
	return v
}

func stateOf(s Status, site string) string {
	for i := range s.Sites {
		if s.Sites[i].Name == site {
			return s.Sites[i].State
		}
	}
	return ""
}

// siteRow is one site where there are several.
type siteRow struct {
	Name, State string
	Answer      verdict
}

func (n night) siteRow(now time.Time, s *overview.Site, o outcome, state string) siteRow {
	return siteRow{s.Name, state, n.answer(now, o)}
}

// rank sorts what needs somebody first.
func (r siteRow) rank() int {
	return slices.Index([]tone{bad, warn, flat, good}, r.Answer.Tone)
}

// nightRow is what ended in one night.
type nightRow struct {
	Start time.Time
	counts
}

// shownNights is how many nights there are to compare the last one with.
const shownNights = 14

// history is the nights up to this one, the newest first, without those before the first backup that is known.
func (n night) history(sites []*overview.Site) []nightRow {
	ended := byQuarter(sites)
	oldest := int64(math.MaxInt64)
	for q := range ended {
		oldest = min(oldest, q)
	}
	var rows []nightRow
	for days := range shownNights {
		one := n.before(days)
		if quarterOf(one.End) <= oldest {
			break
		}
		row := nightRow{Start: one.Start}
		for at := one.Start; at.Before(one.End); at = at.Add(quarter) {
			row.add(ended[quarterOf(at)])
		}
		rows = append(rows, row)
	}
	return rows
}

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

// storageRows is all storage, what needs somebody first.
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
	return rows
}

func first[T any](n int, rows []T) []T { return rows[:min(n, len(rows))] }

// table is as many rows as are shown at once.
type table[T any] struct {
	All  int
	Rows []T
}

func begin[T any](rows []T) table[T] { return table[T]{len(rows), first(shownOnPage, rows)} }

// More is how many are not shown.
func (t table[T]) More() int { return t.All - len(t.Rows) }

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
func (r jobsRow) Name() string { return inWords(r.Type) }

// inWords is a server's word in a person's letters.
func inWords(word string) string {
	words := []rune(word)
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
	for _, reason := range first(3, r.Reasons) {
		words = append(words, fmt.Sprintf("%d: %s", reason.Jobs, reason.Words))
	}
	return words
}
