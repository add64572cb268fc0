package agent

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime/debug"
	"time"

	"backwire/source"
)

// site is asked for everything it knows, once a tick. It yields one cycle, or several
// where it fills a gap.
type site interface {
	Collect(ctx context.Context, tick time.Time) iter.Seq[source.Cycle]
}

// committer takes a cycle whole. An error does not give the cycle back: what could not be
// written is the committer's to keep, or to count as given up.
type committer interface {
	Commit(source.Cycle) error
}

// cycle runs one site's cycles and writes down what they came to.
type cycle struct {
	site    site
	queue   committer
	limit   time.Duration // of one cycle
	history *history
	log     *slog.Logger
	failing string // the last failure that was logged; empty after a success
}

// outcome is what one cycle came to.
type outcome struct {
	tick     time.Time
	began    time.Time
	duration time.Duration
	batches  int
	samples  int
	commits  int // that were written
	refused  int // that were not
	panicked bool
	err      error
}

// errAbandoned is a cycle that the agent's end has cut short. Nothing of it is committed,
// because it would say that the site does not answer; its jobs are counted after the start.
var errAbandoned = errors.New("cycle discarded: the agent is stopping")

// run runs one cycle. The site's panic is this cycle's failure and not the agent's.
func (c *cycle) run(ctx context.Context, tick time.Time) {
	out := outcome{tick: tick, began: time.Now()}
	c.history.start(out.began)
	defer func() {
		if cause := recover(); cause != nil {
			out.panicked, out.err = true, fmt.Errorf("cycle panicked: %v", cause)
			c.log.Error("cycle panicked", "cause", cause, "stack", string(debug.Stack()))
		}
		out.duration = time.Since(out.began)
		c.history.finish(out)
	}()
	out.err = c.collect(ctx, &out)
	switch {
	case errors.Is(out.err, errAbandoned):
		c.log.Info("cycle discarded", "tick", tick, "error", out.err)
	case out.err != nil:
		if said := out.err.Error(); said != c.failing {
			c.log.Error("cycle failed; repeats of this failure are not logged", "tick", tick, "error", out.err)
			c.failing = said
		}
	case c.failing != "":
		c.log.Info("cycle succeeded again", "tick", tick)
		c.failing = ""
	}
}

func (c *cycle) collect(ctx context.Context, out *outcome) error {
	limited, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	var failed []error
	for collected := range c.site.Collect(limited, out.tick) {
		if ctx.Err() != nil {
			return errors.Join(append(failed, errAbandoned)...)
		}
		out.add(collected)
		if err := c.queue.Commit(collected); err != nil {
			out.refused++
			failed = append(failed, fmt.Errorf("commit a cycle: %w", err))
			continue
		}
		out.commits++
	}
	if out.commits+out.refused == 0 && limited.Err() != nil {
		failed = append(failed, fmt.Errorf("no result from the site within %v", c.limit))
	}
	return errors.Join(failed...)
}

func (o *outcome) add(c source.Cycle) {
	o.batches += len(c.Batches)
	for i := range c.Batches {
		o.samples += len(c.Batches[i].Samples)
	}
}

// leastLimit leaves a short interval the time that a login and a slow first page take.
const leastLimit = 30 * time.Second

// cycleLimit is how long a cycle may take.
func cycleLimit(interval time.Duration) time.Duration { return max(interval, leastLimit) }
