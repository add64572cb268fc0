package queue

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/source"
)

// siteKept is for how long the state of a site is kept that is not configured any more, so that one that comes back goes on counting
// exactly. It is as long as that of a client without backups.
const siteKept = 35 * 24 * time.Hour

// Sites are the sites that the queue knows.
func (q *Queue) Sites() []record.Site {
	q.take()
	defer q.release()
	return q.packer.Sites()
}

// SiteNames are the names of sites.
func SiteNames(sites []record.Site) (names []string) {
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
	for _, site := range q.packer.Sites() {
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
	if q.packer.HasEnded(name) {
		return nil
	}
	t := max(q.options.Clock().UnixMilli(), q.packer.Newest(name)+1)
	q.packer.Ending = true
	defer func() { q.packer.Ending = false }()
	err := q.write(source.Cycle{Site: name, Batches: []source.Batch{
		{T: t}, {T: t, Partial: true, Samples: q.packer.Checkpoint(name).Series},
	}}, false)
	if err != nil {
		return fmt.Errorf("end the series of site %q, which is no longer configured: %w", name, err)
	}
	q.logger.Warn("a site is no longer configured: its series end; its counted jobs are kept for 35 days in case it comes back", "site", name)
	return nil
}

// expired are the sites whose state nobody will come back for.
func (q *Queue) expired() map[string]string {
	expired := make(map[string]string)
	for _, site := range q.packer.Sites() {
		if q.sites != nil && !slices.Contains(q.sites, site.Name) && q.packer.HasEnded(site.Name) && q.options.Clock().Sub(site.Newest) > siteKept {
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
		return nil, fmt.Errorf("open queue: %w%s", err, Advice(err, dir))
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
	switch {
	case !q.packer.HasSite(from):
		return fmt.Errorf("%q: %w", from, errUnknownSite)
	case to != "" && q.packer.HasSite(to):
		return fmt.Errorf("%q: %w", to, errKnownSite)
	}
	if err := q.end(from); err != nil {
		return err
	}
	return q.rollWith(map[string]string{from: to})
}
