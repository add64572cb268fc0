package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"backwire/agent/config"
	"backwire/source/overview"
)

// night is the one that a person means who asks about last night. Until its end it may still go on.
type night struct{ Start, End time.Time }

func lastNight(now time.Time, hours config.Night) night {
	start, end := hours.Last(now)
	return night{start, end}
}

// before is the night of some days earlier.
func (n night) before(days int) night {
	return night{n.Start.AddDate(0, 0, -days), n.End.AddDate(0, 0, -days)}
}

// tone is how good the news is: a class of the style, too.
type tone string

const (
	good tone = "good"
	warn tone = "warn"
	bad  tone = "bad"
	flat tone = "flat"
)

// verdict is the answer to "were we backed up last night?".
type verdict struct {
	Tone tone
	Word string // before the colon
	Rest string // after it
}

// result is what came of the night for a client, the worst of its policies.
type result int

const (
	idle     result = iota // nothing was due, and nothing ran
	well                   // a backup succeeded, and none has failed since
	relapsed               // one succeeded, and one failed that no success makes good: a later one, or of a schedule that holds more
	missed                 // one was due and has not started
	failed                 // the last one failed, and none has succeeded in the night or since one was due
)

// resultOf judges one policy of a client.
func (n night) resultOf(c *overview.ClientPolicy, now time.Time) result {
	start := n.Start.UnixMilli()
	overdue := c.Due != 0 && c.Due < now.UnixMilli()
	switch {
	case c.Attempt >= start && c.Success < start, overdue && c.Failures > 0:
		return failed
	case overdue:
		return missed
	case c.Attempt >= start && c.Failures > 0:
		return relapsed
	case c.Success >= start:
		return well
	}
	return idle
}

// outcome counts the clients of a site, or of all, by their result, and names what is not known.
type outcome struct {
	failed, missed, relapsed []string // clients; sorted

	paused      []string // clients whose backups are held back
	well        int
	unwatched   int      // clients for which there is no room
	known       int      // clients
	silent      []string // sites whose jobs were not read up to now, or up to the night's end
	unscheduled []string // sites of which it is not known, or not of each policy, what was due
	sites       int
}

// slack is how long ago jobs may have been read while a night goes on.
const slack = 10 * time.Minute

// heard says whether the jobs of the night were read.
func (n night) heard(s *overview.Site, now time.Time) bool {
	until := n.End
	if now.Before(until) {
		until = now.Add(-slack)
	}
	return !s.JobsRead.Before(until)
}

// of is what came of the night at one site.
func (n night) of(s *overview.Site, now time.Time) outcome {
	clients := make(map[string]result, len(s.Clients))
	for i := range s.Clients {
		c := &s.Clients[i]
		clients[c.Client] = max(clients[c.Client], n.resultOf(c, now))
	}
	o := outcome{known: len(clients), unwatched: s.Unwatched, sites: 1}
	for name, r := range clients {
		switch r {
		case well:
			o.well++
		case missed:
			o.missed = append(o.missed, name)
		case relapsed:
			o.relapsed = append(o.relapsed, name)
		case failed:
			o.failed = append(o.failed, name)
		}
	}
	for _, names := range [][]string{o.failed, o.missed, o.relapsed} {
		slices.Sort(names)
	}
	for i := range s.Paused {
		o.paused = append(o.paused, s.Paused[i].Client)
	}
	if !n.heard(s, now) {
		o.silent = []string{s.Name}
	}
	if s.Schedules != "" {
		o.unscheduled = []string{s.Name}
	}
	return o
}

// add takes another site's clients: one of the same name is another client.
func (o *outcome) add(x outcome) {
	o.failed, o.missed, o.relapsed = append(o.failed, x.failed...), append(o.missed, x.missed...), append(o.relapsed, x.relapsed...)
	o.paused = append(o.paused, x.paused...)
	o.silent, o.unscheduled = append(o.silent, x.silent...), append(o.unscheduled, x.unscheduled...)
	o.well, o.unwatched, o.known, o.sites = o.well+x.well, o.unwatched+x.unwatched, o.known+x.known, o.sites+x.sites
}

// almost is up to which share of clients without a backup the answer is not a plain no.
const almost = 0.05

// answer puts an outcome into words. Clients whose backups are paused are named in each: none of theirs is due, and none is made.
func (n night) answer(now time.Time, o outcome) verdict {
	v := n.judge(now, o)
	switch len(o.paused) {
	case 0:
	case 1:
		v.Rest += " " + who(o.paused, "clients") + " is paused."
	default:
		v.Rest += " " + who(o.paused, "clients") + " are paused."
	}
	return v
}

// judge says what is proven. It is "Yes" only where every site was heard, everything is watched, it is known what
// was due, and each client that was due or that ran is well.
func (n night) judge(now time.Time, o outcome) verdict {
	lacks, unknown := o.lacks(), o.unknown()
	bads := len(o.failed) + len(o.missed)
	switch {
	case o.known == 0 && o.unwatched == 0 && len(o.silent) == o.sites:
		return verdict{flat, "Not known yet", "no backup has been seen so far."}
	case bads > 0:
		v := verdict{bad, "No", sentence(append(lacks, unknown...)) + n.others(now, o)}
		if len(unknown) == 0 && float64(bads) <= almost*float64(bads+o.well) {
			v.Tone, v.Word = warn, "Almost"
		}
		return v
	case len(unknown) > 0:
		word := "Not known"
		if len(o.silent) > 0 && o.sites > 1 {
			word, unknown[0] = word+" "+o.notHeard(), who(o.silent, "sites")+" "+hasOrHave(len(o.silent))+" not been heard"
		}
		return verdict{warn, word, sentence(append(unknown, lacks...)) + n.others(now, o)}
	case len(lacks) > 0:
		return verdict{warn, "Almost", sentence(lacks) + n.others(now, o)}
	case o.well == 0:
		return verdict{flat, "Nothing to report", fmt.Sprintf("no backup was due %s, and none ran.", n.when(now))}
	case o.well == 1:
		return verdict{good, "Yes", fmt.Sprintf("the one client that ran %s has a good backup, and no other was due.", n.when(now))}
	}
	return verdict{good, "Yes", fmt.Sprintf("all %s clients that ran %s have a good backup, and no other was due.", grouped(o.well), n.when(now))}
}

// lacks is what went wrong.
func (o *outcome) lacks() (parts []string) {
	if len(o.failed) > 0 {
		parts = append(parts, who(o.failed, "clients")+" failed")
	}
	if n := len(o.missed); n == 1 {
		parts = append(parts, who(o.missed, "clients")+" was due and did not run")
	} else if n > 1 {
		parts = append(parts, who(o.missed, "clients")+" were due and did not run")
	}
	if n := len(o.relapsed); n > 0 {
		parts = append(parts, fmt.Sprintf("%s %s a failed backup beside a good one", who(o.relapsed, "clients"), hasOrHave(n)))
	}
	return parts
}

// unknown is what nobody can tell.
func (o *outcome) unknown() (parts []string) {
	if n := len(o.silent); n > 0 && o.sites == 1 {
		parts = append(parts, "the jobs of the night have not been read")
	} else if n > 0 {
		parts = append(parts, "not known "+o.notHeard()+among(o.silent))
	}
	switch {
	case o.unwatched == 1:
		parts = append(parts, "1 client is not watched")
	case o.unwatched > 1:
		parts = append(parts, grouped(o.unwatched)+" clients are not watched")
	}
	if n := len(o.unscheduled); n > 0 && o.sites == 1 {
		parts = append(parts, "which backups were due is not known for each policy")
	} else if n > 0 {
		parts = append(parts, fmt.Sprintf("which backups were due is not known at %d of %d sites%s", n, o.sites, among(o.unscheduled)))
	}
	return parts
}

// notHeard says of how many sites nothing is known.
func (o *outcome) notHeard() string { return fmt.Sprintf("for %d of %d sites", len(o.silent), o.sites) }

// others says how many are well beside those that are not, or not known.
func (n night) others(now time.Time, o outcome) string {
	switch o.well {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" 1 client that ran %s has a good backup.", n.when(now))
	}
	return fmt.Sprintf(" %s clients that ran %s have a good backup.", grouped(o.well), n.when(now))
}

// when is the night in words; while it goes on, only a part of it is known.
func (n night) when(now time.Time) string {
	if now.Before(n.End) {
		return "since " + n.Start.Format("15:04")
	}
	return "last night"
}

// named is how many a sentence may name.
const named = 3

// who names clients, or sites, where they are few, and counts them otherwise.
func who(names []string, noun string) string {
	if len(names) > named {
		return grouped(len(names)) + " " + noun
	}
	return list(names)
}

// among names sites where they are few.
func among(sites []string) string {
	if len(sites) > named {
		return ""
	}
	return " (" + strings.Join(sites, ", ") + ")"
}

// list is "a", "a and b" or "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

func sentence(parts []string) string { return strings.Join(parts, "; ") + "." }

func hasOrHave(n int) string {
	if n == 1 {
		return "has"
	}
	return "have"
}
