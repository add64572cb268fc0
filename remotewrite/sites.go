package remotewrite

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"backwire/remotewrite/wal"
	"backwire/source"
)

// siteKept is for how long the state of a site is kept that is not configured any more, so that one that comes back goes on counting
// exactly. It is as long as that of a client without backups.
const siteKept = 35 * 24 * time.Hour

// SiteInspection is a site that a queue knows.
type SiteInspection struct {
	Name   string
	Newest time.Time // of its last batch; the epoch if it never had one
}

// Sites are the sites that the queue knows.
func (q *Queue) Sites() []SiteInspection {
	q.take()
	defer q.release()
	return q.packer.known()
}

func (im *image) known() (known []SiteInspection) {
	for _, site := range im.sites {
		known = append(known, SiteInspection{site.name, time.UnixMilli(site.t)})
	}
	return known
}

func siteNames(sites []SiteInspection) (names []string) {
	for _, site := range sites {
		names = append(names, site.Name)
	}
	return names
}

// KeepSites says which sites are configured. The series of every other get their stale markers; its state is kept for 35 days more. What
// could not be written now is with the next start.
func (q *Queue) KeepSites(names []string) error {
	q.take()
	defer q.release()
	q.sites = names
	var failed []error
	for _, site := range q.packer.known() {
		if slices.Contains(names, site.Name) {
			continue
		}
		failed = append(failed, q.end(site.Name))
	}
	return errors.Join(failed...)
}

// end writes the stale markers of a site's series, once. What its durable ones were is kept, by a batch that is not delivered. It needs
// the turn.
func (q *Queue) end(name string) error {
	if q.packer.hasEnded(name) {
		return nil
	}
	t := max(q.options.Clock().UnixMilli(), q.packer.newest(name)+1)
	q.packer.ending = true
	defer func() { q.packer.ending = false }()
	err := q.write(source.Cycle{Site: name, Batches: []source.Batch{
		{T: t}, {T: t, Partial: true, Samples: q.packer.checkpoint(name).Series},
	}}, false)
	if err != nil {
		return fmt.Errorf("end the series of site %q, which is no longer configured: %w", name, err)
	}
	q.logger.Warn("a site is no longer configured: its series end; its counted jobs are kept for 35 days in case it comes back", "site", name)
	return nil
}

// hasEnded says whether nothing of a site is left to end.
func (im *image) hasEnded(name string) bool {
	return !slices.ContainsFunc(im.sites, func(s *siteImage) bool { return s.name == name && (s.present.len() > 0 || s.t == 0) })
}

// newest is when a site's series have a sample last, ms since the epoch.
func (p *packer) newest(name string) (t int64) {
	for _, site := range p.sites {
		if site.name == name {
			t = max(site.t, site.ended[0], site.ended[1])
		}
	}
	for ref, owner := range p.owners {
		if p.sites[owner].name == name {
			t = max(t, p.times[ref])
		}
	}
	return t
}

// expired are the sites whose state nobody will come back for.
func (q *Queue) expired() map[string]string {
	expired := make(map[string]string)
	for _, site := range q.packer.known() {
		if q.sites != nil && !slices.Contains(q.sites, site.Name) && q.packer.hasEnded(site.Name) && q.options.Clock().Sub(site.Newest) > siteKept {
			q.logger.Info("deleted the counted jobs of a site that was removed 35 days ago", "site", site.Name)
			expired[site.Name] = ""
		}
	}
	return expired
}

// Errors of a change to a queue's sites.
var (
	errUnknownSite = errors.New("the queue has no such site")
	errKnownSite   = errors.New("the queue already has a site of this name")
)

// ForgetSite ends a site's series and frees its state. No agent may use the queue.
func ForgetSite(dir, site string, o Options) error {
	if err := changeSite(dir, site, "", o); err != nil {
		return fmt.Errorf("forget site %q: %w", site, err)
	}
	return nil
}

// RenameSite gives a site's state to one that the queue does not know yet. The counters of the old name end, those of the new one begin,
// and no job is counted by both. No agent may use the queue.
func RenameSite(dir, from, to string, o Options) error {
	if err := changeSite(dir, from, to, o); err != nil {
		return fmt.Errorf("rename site %q to %q: %w", from, to, err)
	}
	return nil
}

func changeSite(dir, from, to string, o Options) error {
	q, err := openWhole(dir, o)
	if err != nil {
		return err
	}
	return errors.Join(q.changeSite(from, to), q.Close())
}

// openWhole opens a queue that gives up nothing: whatever cursors it has hold their segments, and it has no limits.
func openWhole(dir string, o Options) (*Queue, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open queue: %w%s", err, advice(err, dir))
	}
	o.Endpoints, err = wal.Cursors(wal.NewDir(root))
	if err := errors.Join(err, root.Close()); err != nil {
		return nil, fmt.Errorf("open queue %s: %w", dir, err)
	}
	o.Existing, o.MaxBytes, o.MaxAge = true, math.MaxInt64, 0
	return Open(dir, o)
}

// changeSite ends a site's series and begins a segment that knows its state under another name, or not any more.
func (q *Queue) changeSite(from, to string) error {
	q.take()
	defer q.release()
	has := func(name string) bool {
		return slices.ContainsFunc(q.packer.sites, func(s *siteImage) bool { return s.name == name })
	}
	switch {
	case !has(from):
		return fmt.Errorf("%q: %w", from, errUnknownSite)
	case to != "" && has(to):
		return fmt.Errorf("%q: %w", to, errKnownSite)
	}
	if err := q.end(from); err != nil {
		return err
	}
	return q.rollWith(map[string]string{from: to})
}
