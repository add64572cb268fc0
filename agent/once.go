package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"backwire/source"
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
	results := make([]result, len(a.config.Sites))
	var wg sync.WaitGroup
	for i := range a.config.Sites {
		wg.Go(func() {
			site, batches, err := a.tryCycle(ctx, &a.config.Sites[i], a.config.Backfill)
			if err == nil {
				err = failures(site)
			}
			results[i] = result{newest(batches), err}
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

// newest is the last whole batch: what the site knows now.
func newest(batches []source.Batch) source.Batch {
	for _, b := range slices.Backward(batches) {
		if !b.Partial {
			return b
		}
	}
	return source.Batch{}
}

// failures are the errors of a site's collectors, one where all have the same.
func failures(p primary) error {
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
func (a *Agent) Push(ctx context.Context) (Status, error) {
	p, err := a.open(ctx)
	if err != nil {
		return Status{}, err
	}
	a.running.Store(p)
	collect(ctx, p)
	sent := send(ctx, p)
	status := a.Status()
	return status, errors.Join(undelivered(status), sent, a.shut(p))
}

func collect(ctx context.Context, p *plant) {
	var wg sync.WaitGroup
	for _, s := range p.sites {
		wg.Go(func() { s.scheduler.cycle.run(ctx, floor(s.scheduler.clock(), s.scheduler.interval)) })
	}
	wg.Wait()
}

// send lets every endpoint flush once: its life is over from the start, so it waits for nothing.
func send(ctx context.Context, p *plant) error {
	over, end := context.WithCancel(ctx)
	end()
	errs := make([]error, len(p.endpoints))
	var wg sync.WaitGroup
	for i, e := range p.endpoints {
		wg.Go(func() { errs[i] = e.run(over, pushTime) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// undelivered says what of a push did not work.
func undelivered(s Status) error {
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
		if why := e.Paused + e.Error; why != "" {
			failed = append(failed, fmt.Errorf("endpoint %s: not delivered, kept in the queue: %s", e.Name, why))
		}
	}
	return errors.Join(failed...)
}
