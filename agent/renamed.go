package agent

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"backwire/agent/config"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/record"
	"backwire/source/probe"
)

// ErrRenamed says that a site may have another name than it had, which only a person knows. Nothing runs until that is decided: a
// site that begins anew counts the jobs of BACKWIRE_BACKFILL, and those that the old name has counted are there twice then. What
// finishes meanwhile is counted afterwards, out of BACKWIRE_BACKFILL.
var ErrRenamed = errors.New("a site may have been renamed")

// renamed finds sites that the queue does not know yet, beside others that are not configured any more and were counted within
// BACKWIRE_BACKFILL.
func renamed(c *config.Config, known []record.Site, now time.Time) error {
	configured := siteNames(c)
	var fresh, gone []string
	for _, name := range configured {
		if !slices.ContainsFunc(known, func(s record.Site) bool { return s.Name == name }) {
			fresh = append(fresh, name)
		}
	}
	for _, site := range known {
		if site.Name != selfName && !slices.Contains(configured, site.Name) && now.Sub(site.Newest) < time.Duration(c.Backfill) {
			gone = append(gone, site.Name)
		}
	}
	if len(fresh) == 0 || len(gone) == 0 {
		return nil
	}
	from, to := "OLD", "NEW"
	if len(fresh) == 1 && len(gone) == 1 {
		from, to = gone[0], fresh[0]
	}
	return fmt.Errorf("%w: site %s is new and site %s is no longer configured: if it was renamed, run backwire queue rename %s %s, otherwise jobs of the last %s are counted again under the new name; "+
		"if it is another server, run backwire queue forget %s; stop the agent first", ErrRenamed,
		strings.Join(fresh, ", "), strings.Join(gone, ", "), from, to, c.Backfill, strings.Replace(from, "OLD", "SITE", 1))
}

func siteNames(c *config.Config) (names []string) {
	for i := range c.Sites {
		names = append(names, c.Sites[i].Site)
	}
	return names
}

// queuedNames are the queue's names of all that is committed to it.
func queuedNames(c *config.Config) []string {
	names := siteNames(c)
	if c.SelfMetrics {
		names = append(names, selfName)
	}
	return names
}

// CheckNames looks into the queue, also beside a running agent, for a site that may have been renamed. A queue that cannot be read is
// told of by who opens it.
func (a *Agent) CheckNames() error {
	found, err := queue.Inspect(a.config.Queue.Dir)
	if err != nil {
		return nil //nolint:nilerr // who opens the queue tells of it
	}
	return renamed(a.config, found.Sites, time.Now())
}

func (a *Agent) checkNames() []probe.Finding {
	err := a.CheckNames()
	if err == nil {
		return nil
	}
	return []probe.Finding{{
		Step: "sites", Result: probe.Failed, Tried: "compare the sites with those in the queue", Found: err.Error(),
		Next: "stop the agent and run backwire queue rename or backwire queue forget; the agent does not start with this configuration until then",
	}}
}
