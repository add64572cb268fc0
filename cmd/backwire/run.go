package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"backwire/agent"
)

func newRun(sh *shell) *cobra.Command {
	standby := false
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the agent: collect, queue and send",
		Long: `run collects from every site at each interval, writes the samples to the queue and sends them
to every endpoint. SIGTERM stops it cleanly within 10 seconds. SIGHUP loads the configuration
again; an invalid configuration is refused, and the agent keeps the current one.

With --standby, or BACKWIRE_RUN_STANDBY=true, it waits while another agent uses the queue's
directory, or while the directory does not exist. It takes over within seconds after the other
agent ends, for whatever reason.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.run(cmd.Context(), standby) },
	}
	cmd.Flags().BoolVar(&standby, "standby", false, "wait while another agent uses the queue, then take over")
	return cmd
}

// The agent shares a host with backups. It lets the heap grow by a twelfth between two collections, where Go's default doubles
// it: a cycle leaves little garbage, and what may grow is memory all the time; and it runs on one processor: threads that look
// for work before they sleep would cost a seventh of what a drain costs, and a backlog of a day still takes seconds.
const (
	gcPercent  = 8
	processors = 1
)

// beModest is the program's own choice and not an agent's. GOGC, GOMAXPROCS and GOMEMLIMIT, where they are set, win.
func (sh *shell) beModest() {
	if limit := memoryLimit(os.DirFS("/")); limit > 0 && !sh.isSet("GOMEMLIMIT") {
		debug.SetMemoryLimit(limit)
	}
	if !sh.isSet("GOGC") {
		debug.SetGCPercent(gcPercent)
	}
	if !sh.isSet("GOMAXPROCS") {
		runtime.GOMAXPROCS(processors)
	}
}

func (sh *shell) isSet(variable string) bool {
	return slices.ContainsFunc(sh.environ, func(setting string) bool { return strings.HasPrefix(setting, variable+"=") })
}

// run runs one agent after the other, each with its own configuration, until ctx ends.
func (sh *shell) run(ctx context.Context, standby bool) error {
	sh.beModest()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)

	current, log, err := sh.agent()
	if err != nil {
		return err
	}
	for {
		if standby {
			current.Standby()
		}
		next, err := sh.runUntilReload(ctx, current, hangup, log)
		if err != nil || next == nil {
			return err
		}
		current, log = next.agent, next.log
	}
}

// supervisor is systemd, where it started the program and wants to hear of it.
func supervisor(log *slog.Logger) *agent.Supervisor {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("cannot notify the watchdog of systemd", "error", err)
	}
	tell := func(state string) error {
		_, err := daemon.SdNotify(false, state)
		return err
	}
	return &agent.Supervisor{Tell: tell, Watchdog: watchdog, Log: log}
}

// generation is an agent made from a configuration of its own.
type generation struct {
	agent *agent.Agent
	log   *slog.Logger
}

// runUntilReload runs an agent to its end and returns its successor, nil if there is none.
func (sh *shell) runUntilReload(ctx context.Context, current *agent.Agent, hangup <-chan os.Signal, log *slog.Logger) (*generation, error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	systemd := supervisor(log)
	ended := make(chan error, 1)
	go func() { ended <- accompanied(ctx, running, stop, current, systemd) }()
	for {
		select {
		case err := <-ended:
			return nil, err
		case <-hangup:
		}
		systemd.Reloading(daemon.SdNotifyMonotonicUsec())
		next, nextLog, err := sh.agent()
		if err != nil {
			log.Error("new configuration refused, the current one stays in use", "error", err)
			systemd.Kept()
			continue
		}
		log.Info("configuration reloaded")
		stop()
		return &generation{next, nextLog}, <-ended
	}
}

// accompanied runs an agent to its end and notifies the service manager.
func accompanied(ctx, running context.Context, stop context.CancelFunc, a *agent.Agent, systemd *agent.Supervisor) error {
	var telling sync.WaitGroup
	telling.Go(func() { systemd.Accompany(ctx, running, a) })
	err := a.Run(running)
	stop()
	telling.Wait()
	return err
}

// agent makes an agent from the configuration as it is now.
func (sh *shell) agent() (*agent.Agent, *slog.Logger, error) {
	cfg, err := sh.config()
	if err != nil {
		return nil, nil, err
	}
	log := sh.logger(cfg)
	a, err := agent.New(cfg, readBuild().version, log)
	if err != nil {
		return nil, nil, refusedError{err}
	}
	if err := a.CheckNames(); err != nil {
		return nil, nil, err
	}
	return a, log, nil
}
