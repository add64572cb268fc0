package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"backwire/agent/page"
	"backwire/remotewrite/send"
	"backwire/source"
)

// board is a status as a person reads it, in at most 80 columns.
type board struct {
	strings.Builder
	now time.Time
}

func writeStatus(w io.Writer, s shown) error {
	text := ""
	if !s.alone {
		text = describeAgent(s.agent)
	}
	if s.imports != nil {
		if text != "" {
			text += "\n"
		}
		text += describeFollower(s.imports.FollowStats, s.imports.Started, time.Now())
	}
	_, err := io.WriteString(w, text)
	return err
}

func describeAgent(s *page.Status) string {
	b := &board{now: s.Now}
	b.head(s)
	if s.Down != "" || s.Queue.Dir != "" { // what an agent has not opened yet, or waits for, is not known
		b.sites(s)
		b.queue(&s.Queue)
		b.endpoints(s)
	}
	return b.String()
}

func (b *board) line(format string, args ...any) {
	text := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	above := len(text) - len(strings.TrimLeft(text, "\n")) // empty lines that the format begins with
	b.WriteString(text[:above] + source.Printable(text[above:]) + "\n")
}

// under writes what is wrong below the line that it belongs to.
func (b *board) under(indent int, text string) {
	for _, line := range wrap(text, 80-indent) {
		b.line("%*s%s", indent, "", line)
	}
}

func (b *board) head(s *page.Status) {
	if s.Down != "" {
		b.under(0, s.Down+". The following is read from its queue.")
		if s.Seen != nil {
			b.line("Last seen %s ago, on %s.", b.ago(s.Seen), s.Seen.UTC().Format("2006-01-02 15:04:05 UTC"))
		} else {
			b.line("The queue is empty.")
		}
		return
	}
	state := "ready"
	switch {
	case s.Unhealthy != "":
		state = "UNHEALTHY: " + s.Unhealthy
	case s.Unready != "":
		state = "not ready: " + s.Unready
	}
	b.under(0, fmt.Sprintf("backwire %s, up %s, %s", s.Version, page.Roughly(s.Now.Sub(s.Started)), state))
	if failing := failing(s); failing != "" {
		b.under(0, "FAILING: "+failing)
	}
}

// failing names what the tables show first: somebody who sees the last lines alone looks up.
func failing(s *page.Status) string {
	var sites, endpoints, all []string
	for i := range s.Sites {
		if siteRank(&s.Sites[i]) <= siteFailing {
			sites = append(sites, clip(s.Sites[i].Name, 22))
		}
	}
	for i := range s.Endpoints {
		if endpointFails(&s.Endpoints[i]) {
			endpoints = append(endpoints, clip(s.Endpoints[i].Name, 22))
		}
	}
	all = append(all, nameSome(sites, len(s.Sites), "site")...)
	all = append(all, nameSome(endpoints, len(s.Endpoints), "endpoint")...)
	if s.Queue.Failures > 0 {
		all = append(all, "the disk of the queue")
	}
	return strings.Join(all, "; ")
}

// nameSome names some of many things; none where there are none.
func nameSome(names []string, of int, thing string) []string {
	switch {
	case len(names) == 0:
		return nil
	case of == 1:
		return []string{thing + " " + names[0]}
	}
	return []string{fmt.Sprintf("%d of %s (%s)", len(names), plural(of, thing), listed(names, 4))}
}

// endpointRank puts those that fail first.
func endpointRank(e *page.EndpointStatus) int {
	if endpointFails(e) {
		return 0
	}
	return 1
}

func endpointFails(e *page.EndpointStatus) bool { return e.Paused != "" || e.Error != "" }

// siteForm is a line of the table of sites.
const siteForm = "%-22s %-9s %-10s %10s %8s %8s %6s"

// sites has a line for each site, those that fail first, and below it what is wrong. A site that is alone is shown whole.
func (b *board) sites(s *page.Status) {
	switch {
	case len(s.Sites) == 0:
		return
	case s.Down != "":
		b.line("\nSITE")
		for i := range s.Sites {
			b.line("%s", clip(s.Sites[i].Name, 80))
		}
		return
	}
	b.line("\n"+siteForm, "SITE", "STATE", "NETBACKUP", "COMMITTED", "CYCLES", "FAILED", "MISSED")
	if len(s.Sites) == 1 {
		b.wholeSite(&s.Sites[0])
		return
	}
	for _, site := range worstFirst(s.Sites, siteRank) {
		b.site(site)
		b.overCaps(site)
		b.failures(site)
		b.warnings(site)
	}
	b.line("\nbackwire status --site NAME shows the collectors and cycles of one site")
}

// worstFirst lists pointers to what it is given, by their rank and else in their order.
func worstFirst[T any](all []T, rank func(*T) int) []*T {
	sorted := make([]*T, len(all))
	for i := range all {
		sorted[i] = &all[i]
	}
	slices.SortStableFunc(sorted, func(a, b *T) int { return cmp.Compare(rank(a), rank(b)) })
	return sorted
}

// The ranks of a site, the worst first.
const (
	siteDown = iota
	siteFailing
	siteWarning
	siteWell
)

func siteRank(s *page.SiteStatus) int {
	fails := func(c page.CollectorStatus) bool { return !c.Success && !c.NotOffered }
	switch {
	case s.State == "down":
		return siteDown
	case len(s.Recent) > 0 && s.Recent[0].Error != "", s.ClientsWithoutSeries > 0, slices.ContainsFunc(s.Collectors, fails):
		return siteFailing
	case s.PoliciesWithoutSeries > 0, slices.ContainsFunc(s.Collectors, func(c page.CollectorStatus) bool { return c.Warning != "" || c.Unreadable > 0 }):
		return siteWarning
	}
	return siteWell
}

// shownFailures is how many different failures of a site are told where it is one of several.
const shownFailures = 2

// failures tells what fails at a site: the last cycle, and collectors, whose like are told once.
func (b *board) failures(s *page.SiteStatus) {
	told := 0
	if len(s.Recent) > 0 && s.Recent[0].Error != "" {
		b.under(6, s.Recent[0].Error)
		told++
	}
	collectors := map[string][]string{} // by their error
	var errs, others []string
	for i := range s.Collectors {
		c := &s.Collectors[i]
		if c.Success || c.NotOffered {
			continue
		}
		if collectors[c.Error] == nil {
			errs = append(errs, c.Error)
		}
		collectors[c.Error] = append(collectors[c.Error], c.Name)
	}
	for _, e := range errs {
		if told == shownFailures || len(s.Recent) > 0 && e == s.Recent[0].Error {
			others = append(others, collectors[e]...)
			continue
		}
		b.under(6, listed(collectors[e], 3)+": "+cmp.Or(e, "failed"))
		told++
	}
	if len(others) > 0 {
		b.under(6, "also failing: "+listed(others, 4))
	}
}

// warnings tells what could not be read at a site though its collectors succeeded.
func (b *board) warnings(s *page.SiteStatus) {
	for i := range s.Collectors {
		c := &s.Collectors[i]
		if c.Unreadable > 0 {
			b.under(6, fmt.Sprintf("%s: %s rows could not be read and are left out", c.Name, count(c.Unreadable)))
		}
		if c.Warning != "" {
			b.under(6, c.Name+": "+c.Warning)
		}
	}
}

// listed names the first few of many things.
func listed(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func (b *board) site(s *page.SiteStatus) {
	state := s.State
	switch siteRank(s) {
	case siteDown:
		state = "DOWN"
	case siteFailing:
		state = "FAILING"
	}
	b.line(siteForm, clip(s.Name, 22), state, clip(dash(s.Version), 10), b.ago(s.Committed), count(s.Cycles), count(s.Failed), count(s.Missed))
}

func (b *board) wholeSite(s *page.SiteStatus) {
	b.site(s)
	b.overCaps(s)
	b.collectors(s.Collectors)
	b.cycles(s)
}

// overCaps says who has no series of their own.
func (b *board) overCaps(s *page.SiteStatus) {
	if n := s.ClientsWithoutSeries; n > 0 {
		b.under(2, "NOT WATCHED: "+count(uint64(n))+" client and policy pairs have no series of their own, so no alert can fire for them. Raise BACKWIRE_NETBACKUP_MAX_CLIENT_SERIES.")
	}
	if n := s.PoliciesWithoutSeries; n > 0 {
		b.under(2, count(uint64(n))+" policies have no counters of their own: their jobs are counted under \"(other policies)\". Raise BACKWIRE_NETBACKUP_MAX_JOB_SERIES.")
	}
}

func (b *board) collectors(collectors []page.CollectorStatus) {
	if len(collectors) == 0 {
		return
	}
	const form = "  %-26s %-14s %10s %14s"
	b.line(form, "COLLECTOR", "RESULT", "TOOK", "LAST SUCCESS")
	for i := range collectors {
		c := &collectors[i]
		result := "FAILED"
		switch {
		case c.Success:
			result = "ok"
		case c.NotOffered:
			result = "not offered"
		}
		b.line(form, clip(c.Name, 26), result, seconds(c.Seconds), b.ago(c.LastSuccess))
		if c.Error != "" && !c.NotOffered {
			b.under(6, c.Error)
		}
		if c.Unreadable > 0 {
			b.under(6, count(c.Unreadable)+" rows could not be read and are left out; the log shows the first")
		}
		if c.Warning != "" {
			b.under(6, c.Warning)
		}
	}
}

// shownCycles is how many of the last cycles are listed.
const shownCycles = 5

func (b *board) cycles(s *page.SiteStatus) {
	if s.Running != nil {
		b.line("  a cycle has been running for %s", b.ago(s.Running))
	}
	if len(s.Recent) == 0 {
		return
	}
	const form = "  %-26s %-14s %10s %14s"
	b.line(form, "CYCLE (UTC)", "RESULT", "TOOK", "SAMPLES")
	for _, c := range s.Recent[:min(shownCycles, len(s.Recent))] {
		result := "ok"
		if c.Error != "" {
			result = "FAILED"
		}
		b.line(form, c.Tick.UTC().Format(time.DateTime), result, seconds(c.Seconds), count(uint64(c.Samples)))
		if c.Error != "" {
			b.under(6, c.Error)
		}
	}
}

func (b *board) queue(q *page.QueueStatus) {
	b.line("\nQUEUE  %s", q.Dir)
	oldest := ""
	if q.Oldest != nil {
		oldest = "; oldest record " + b.ago(q.Oldest) + " old"
	}
	b.under(2, fmt.Sprintf("%s of %s in %s%s", page.ReadableSize(q.Bytes), page.ReadableSize(q.MaxBytes), plural(q.Segments, "segment"), oldest))
	if q.Failures > 0 {
		b.under(2, fmt.Sprintf("CANNOT WRITE TO DISK: %s records are in memory only", count(q.PendingRecords)))
	}
	for _, l := range q.Losses {
		whose := ""
		if l.Endpoint != "" {
			whose = " for " + l.Endpoint
		}
		b.under(2, fmt.Sprintf("%s samples lost%s: %s", count(l.Samples), whose, l.Reason))
	}
}

// endpointForm is a line of the table of endpoints.
const endpointForm = "%-22s %-9s %8s %10s %10s %9s %6s"

func (b *board) endpoints(s *page.Status) {
	if len(s.Endpoints) == 0 {
		b.line("\nno endpoint is configured: samples stay in the queue")
		return
	}
	b.line("\n"+endpointForm, "ENDPOINT", "STATE", "LAG", "PENDING", "SENT", "REJECTED", "PROTO")
	for _, e := range worstFirst(s.Endpoints, endpointRank) {
		state, lag, sent := endpointState(e), seconds(e.Lag), count(e.Samples)
		if s.Down != "" {
			state, lag, sent = "-", "-", "-"
		}
		b.line(endpointForm, clip(e.Name, 22), state, lag, count(e.Pending), sent, count(sum(e.Rejected)), clip(dash(e.Protocol), 6))
		b.underEndpoint(e, s.Down != "")
	}
}

func endpointState(e *page.EndpointStatus) string {
	switch {
	case e.State == string(send.StateRefusing):
		return "REFUSING"
	case e.Paused != "":
		return "PAUSED"
	case e.Stuck():
		return "STUCK"
	case e.Error != "":
		return "RETRYING"
	case e.Past > 0:
		return "catching"
	}
	return "ok"
}

func (b *board) underEndpoint(e *page.EndpointStatus, down bool) {
	if why := cmp.Or(e.Paused, e.Error); why != "" {
		b.under(6, why)
	}
	if e.TooLate > 0 {
		b.under(6, "the receiver refuses what is older than "+seconds(e.Window)+": an outage longer than that loses samples; set out_of_order_time_window")
	}
	if e.Natives != "" {
		b.under(6, "native histograms are "+e.Natives)
	}
	if n := e.Dropped["too_old_for_receiver"]; n > 0 {
		b.under(6, count(n)+" samples were older than that: they were not sent, and are kept with the rejected ones up to a limit")
	}
	if e.Past > 0 && e.Error == "" && !down {
		b.under(6, e.Condition())
	}
	if e.Parked > 0 {
		b.under(6, count(uint64(e.Parked))+" samples are parked: the receiver fails on them but accepts others; backwire sends them again for a day")
	}
}

func (b *board) ago(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return page.Roughly(max(b.now.Sub(*t), 0))
}

func seconds(s float64) string { return page.Roughly(time.Duration(s * float64(time.Second))) }

// plural is a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

func dash(s string) string { return cmp.Or(s, "-") }

// count is a number in few columns: from a million on it is shortened.
func count(n uint64) string {
	const million = 1_000_000
	switch {
	case n >= 1000*million:
		return fmt.Sprintf("%.1fG", float64(n)/(1000*million))
	case n >= million:
		return fmt.Sprintf("%.1fM", float64(n)/million)
	}
	return strconv.FormatUint(n, 10)
}

// clip cuts a name to so many columns.
func clip(s string, columns int) string {
	runes := []rune(s)
	if len(runes) <= columns {
		return s
	}
	return string(runes[:columns-1]) + "…"
}
