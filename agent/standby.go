package agent

import (
	"context"
	"errors"
	"time"

	"backwire/remotewrite/queue"
)

// standbyPoll is how often a standby looks whether the queue is free. Another agent's lock ends with its
// process, so this one continues a second later.
const standbyPoll = time.Second

// Standby has Run wait while another agent uses the queue, or while its directory is not there, as where
// the disk it is on is with another host. It then goes on with the counters as they are in the queue.
func (a *Agent) Standby() {
	a.open = a.awaitRuntime
	a.standby = true
}

// awaitRuntime opens the runtime when the queue is free.
func (a *Agent) awaitRuntime(ctx context.Context) (*agentRuntime, error) {
	for told := false; ; told = true {
		p, err := a.openRuntime(ctx)
		switch {
		case err == nil && told:
			a.log.Info("standby is taking over")
		case errors.Is(err, queue.ErrInUse) || errors.Is(err, queue.ErrAbsent):
			if !told {
				a.log.Info("standby: waiting for the queue", "reason", err)
			}
			a.waiting.Store(&err)
			a.begin()
			sleep(ctx, standbyPoll)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			continue
		}
		return p, err
	}
}
