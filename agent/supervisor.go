package agent

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"backwire/agent/page"
)

// Supervisor tells the service manager that started the program how its life goes, in systemd's
// words (sd_notify(3)).
//
// The watchdog is fed by the sites' loops: each says that it goes on whenever it looks at the clock, and a cycle
// that is under way does so by keeping within its limit (see [Agent.Healthy]). So a loop that hangs is not fed for,
// nor a program that is stopped; a primary server or a receiver that is down changes nothing.
type Supervisor struct {
	Tell     func(state string) error
	Watchdog time.Duration // the manager ends a program that is silent for this long; 0 for never
	Log      *slog.Logger
}

// statusEvery is how often the status line is told where no watchdog sets the pace.
const statusEvery = 15 * time.Second

// Accompany tells of an agent from its beginning to the end of running, which ends with ctx or because
// another agent takes over.
func (s *Supervisor) Accompany(ctx, running context.Context, a *Agent) {
	select {
	case <-running.Done():
	case <-a.begun:
		s.tell("READY=1", statusLine(a))
		s.feed(running, a)
	}
	if ctx.Err() != nil {
		s.tell("STOPPING=1", "STATUS=stopping")
	}
}

// feed goes on four times within the watchdog's limit, so that a busy machine is no reason to end the program.
func (s *Supervisor) feed(running context.Context, a *Agent) {
	every := statusEvery
	if s.Watchdog > 0 {
		every = s.Watchdog / 4
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-running.Done():
			return
		case <-ticker.C:
		}
		if err := a.Healthy(); err != nil {
			s.tell("STATUS=" + oneLine(err.Error()))
			continue
		}
		s.tell("WATCHDOG=1", statusLine(a))
	}
}

// Reloading says that the configuration is being loaded again, since a moment of the monotonic clock in
// the manager's notation. The next agent's Accompany, or Kept, ends it.
func (s *Supervisor) Reloading(since string) { s.tell("RELOADING=1", since) }

// Kept says that a reload was refused and the agent keeps its configuration.
func (s *Supervisor) Kept() {
	s.tell("READY=1", "STATUS=new configuration refused, the current one stays in use")
}

func (s *Supervisor) tell(lines ...string) {
	if err := s.Tell(strings.Join(lines, "\n")); err != nil {
		s.Log.Warn("notify the service manager", "error", err)
	}
}

// statusLine is what systemctl status shows.
func statusLine(a *Agent) string {
	s := a.Status()
	if a.running.Load() == nil {
		return "STATUS=" + oneLine(s.Unready)
	}
	up := 0
	for i := range s.Sites {
		if s.Sites[i].State == "up" {
			up++
		}
	}
	var line strings.Builder
	fmt.Fprintf(&line, "STATUS=sites: %d of %d up; queue: %s", up, len(s.Sites), page.ReadableSize(s.Queue.Bytes))
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		fmt.Fprintf(&line, "; %s: %s behind", e.Name, page.Roughly(time.Duration(e.Lag*float64(time.Second))))
	}
	return oneLine(line.String())
}

// oneLine keeps a text from being read as a word of the protocol.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
