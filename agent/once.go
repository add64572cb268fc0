package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"backwire/agent/config"
	"backwire/agent/page"
	"backwire/source"
	"backwire/source/netbackup"
)

// Once runs one cycle of every site and returns what each one knows, for a look at it. It
// opens no queue, so that it may run beside the agent: counters begin where BACKWIRE_BACKFILL
// begins, not where the agent's stand. The error says which collectors failed; the batches
// of the others are there all the same.
func (a *Agent) Once(ctx context.Context) ([]source.Batch, error) {
	type result struct {
		batch source.Batch
		err   error
	}
	a.once = true
	results := make([]result, len(a.config.Sites))
	var wg sync.WaitGroup
	for i := range a.config.Sites {
		wg.Go(func() {
			batch, err := a.tryCycle(ctx, &a.config.Sites[i])
			results[i] = result{batch, err}
		})
	}
	wg.Wait()
	var batches []source.Batch
	var failed []error
	for _, r := range results {
		batches = append(batches, r.batch)
		failed = append(failed, r.err)
	}
	return batches, errors.Join(failed...)
}

// tryCycle runs one cycle of a fresh site, which remembers nothing and is forgotten. It
// returns the last whole batch: what the site knows now.
func (a *Agent) tryCycle(ctx context.Context, s *config.Site) (source.Batch, error) {
	site, err := a.newPrimary(s, source.Checkpoint{}, nil)
	if err != nil {
		return source.Batch{}, err
	}
	interval := time.Duration(a.config.Interval)
	limited, cancel := context.WithTimeout(ctx, cycleLimit(interval))
	defer cancel()
	var newest source.Batch
	for c := range site.Collect(limited, floor(time.Now(), interval)) {
		for _, b := range c.Batches {
			if !b.Partial {
				newest = b
			}
		}
	}
	a.logout(ctx, s.Site, site)
	return newest, failures(site)
}

// logout ends a login that no cycle needs any more, also where ctx has ended.
func (a *Agent) logout(ctx context.Context, name string, site *netbackup.Site) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer cancel()
	if err := site.Close(limited); err != nil {
		a.log.Warn("cannot log out of the primary server", "site", name, "error", err)
	}
}

// commonError is the error that every collector has: the server was not reached at all.
func commonError(s netbackup.Status) error {
	if len(s.Collectors) == 0 {
		return nil
	}
	first := s.Collectors[0].Err
	for _, c := range s.Collectors {
		if c.Err == nil || c.Err.Error() != first.Error() {
			return nil
		}
	}
	return first
}

// failures are the errors of a site's collectors, one where all have the same.
func failures(p *netbackup.Site) error {
	status := p.Status()
	if same := commonError(status); same != nil {
		return fmt.Errorf("site %s: %w", status.Site, same)
	}
	var failed []error
	for _, c := range status.Collectors {
		if c.Err != nil && !c.NotOffered {
			failed = append(failed, fmt.Errorf("site %s, collector %s: %w", status.Site, c.Name, c.Err))
		}
	}
	return errors.Join(failed...)
}

// pushTime is how long Push sends what the queue holds.
const pushTime = time.Minute

// Push runs one cycle of every site as Run does, with the agent's own queue, and sends what
// it holds to every endpoint. The queue's lock keeps it from running beside the agent: a
// queue of its own would count jobs a second time. The error says what failed and what is not
// delivered; that stays in the queue.
func (a *Agent) Push(ctx context.Context) (page.Status, error) {
	a.once = true
	p, err := a.open(ctx)
	if err != nil {
		return page.Status{}, err
	}
	a.running.Store(p)
	collect(ctx, p)
	sent := flushEndpoints(ctx, p)
	status := a.Status()
	return status, errors.Join(undelivered(status), sent, a.shut(p))
}

func collect(ctx context.Context, p *agentRuntime) {
	var wg sync.WaitGroup
	for _, s := range p.sites {
		wg.Go(func() { s.scheduler.cycle.run(ctx, floor(s.scheduler.clock(), s.scheduler.interval)) })
	}
	wg.Wait()
}

// flushEndpoints lets every endpoint flush once: its life is over from the start, so it waits for nothing.
func flushEndpoints(ctx context.Context, p *agentRuntime) error {
	over, end := context.WithCancel(ctx)
	end()
	errs := make([]error, len(p.endpoints))
	var wg sync.WaitGroup
	for i, e := range p.endpoints {
		wg.Go(func() { errs[i] = errors.Join(e.run(over, pushTime), e.close()) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// undelivered says what of a push did not work.
func undelivered(s page.Status) error {
	var failed []error
	for _, site := range s.Sites {
		if len(site.Recent) > 0 && site.Recent[0].Error != "" {
			failed = append(failed, fmt.Errorf("site %s: %s", site.Name, site.Recent[0].Error))
		}
		for _, c := range site.Collectors {
			if c.Error != "" && !c.NotOffered {
				failed = append(failed, fmt.Errorf("site %s, collector %s: %s", site.Name, c.Name, c.Error))
			}
		}
	}
	for _, e := range s.Endpoints {
		if why := cmp.Or(e.Paused, e.Error); why != "" {
			failed = append(failed, fmt.Errorf("endpoint %s: not delivered; the samples stay in the queue: %s", e.Name, why))
		}
	}
	return errors.Join(failed...)
}
