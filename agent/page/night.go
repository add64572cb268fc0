package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"backwire/source/overview"
)

// night is the one that a person means who asks about last night: from the evening of the day before until the
// morning, local time. Before noon it may still go on.
type night struct{ Start, End time.Time }

const (
	evening = 18
	morning = 8
)

func lastNight(now time.Time) night {
	year, month, day := now.Date()
	return night{
		Start: time.Date(year, month, day-1, evening, 0, 0, 0, now.Location()),
		End:   time.Date(year, month, day, morning, 0, 0, 0, now.Location()),
	}
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

// protected counts clients by what came of the night: a client is well that has a success in it
// under every policy that ran.
type protected struct {
	ran, well int
	missing   []string // who is not well, in order, where they are few enough to be named
}

// named is how many clients a sentence may name.
const named = 3

func (n night) protect(sites []*overview.Site) protected {
	clients := map[string]bool{}
	for i := range sites {
		for j := range sites[i].Clients {
			c := &sites[i].Clients[j]
			if c.Attempt < n.Start.UnixMilli() {
				continue
			}
			name := sites[i].Name + "\xff" + c.Client
			before, ran := clients[name]
			clients[name] = (before || !ran) && c.Success >= n.Start.UnixMilli()
		}
	}
	p := protected{ran: len(clients)}
	for name, well := range clients {
		if well {
			p.well++
		} else if len(p.missing) <= named {
			_, client, _ := strings.Cut(name, "\xff")
			p.missing = append(p.missing, client)
		}
	}
	if len(p.missing) > named {
		p.missing = nil
	}
	slices.Sort(p.missing)
	return p
}

// without says who has no good backup: by name where they are few.
func (p protected) without() string {
	switch len(p.missing) {
	case 0:
		return hasOrHave(p.ran-p.well) + " not"
	case 1:
		return p.missing[0] + " has not"
	}
	last := len(p.missing) - 1
	return strings.Join(p.missing[:last], ", ") + " and " + p.missing[last] + " have not"
}

// almost is up to which share of clients without a backup the answer is not a plain no.
const almost = 0.05

// answer puts the count into words.
func (n night) answer(now time.Time, p protected, known bool) verdict {
	when := "last night"
	if now.Before(n.End) {
		when = fmt.Sprintf("since %02d:00", evening)
	}
	missing := p.ran - p.well
	switch {
	case !known:
		return verdict{flat, "Not known yet", "no backup has been seen so far."}
	case p.ran == 0:
		return verdict{bad, "No", fmt.Sprintf("no backup has ended since %02d:00 yesterday.", evening)}
	case missing == 0 && p.ran == 1:
		return verdict{good, "Yes", fmt.Sprintf("the one client that ran %s has a good backup.", when)}
	case missing == 0:
		return verdict{good, "Yes", fmt.Sprintf("all %s clients that ran %s have a good backup.", grouped(p.ran), when)}
	case float64(missing) <= almost*float64(p.ran):
		return verdict{warn, "Almost", fmt.Sprintf("%s of the %s clients that ran %s have a good backup; %s.",
			grouped(p.well), grouped(p.ran), when, p.without())}
	}
	return verdict{bad, "No", fmt.Sprintf("of the %s clients that ran %s, %s no good backup.", grouped(p.ran), when, hasOrHave(missing))}
}

func hasOrHave(n int) string {
	if n == 1 {
		return "1 has"
	}
	return grouped(n) + " have"
}
