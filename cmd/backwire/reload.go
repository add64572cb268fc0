package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"backwire/remotewrite/wal"
)

func newReload(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Check the configuration and apply it to the running agent",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := sh.config()
			if err != nil {
				return err
			}
			pid, err := runningAgent(cfg.Queue.Dir)
			if err != nil {
				return fmt.Errorf("find the running agent: %w", err)
			}
			if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
				return fmt.Errorf("signal the agent with pid %d: %w", pid, err)
			}
			fmt.Fprintf(sh.stdout, "Configuration OK; signalled the agent (pid %d) to load it\n", pid)
			return nil
		},
	}
}

// runningAgent is the process that systemd calls the service's (systemd.service(5), ExecReload), elsewhere
// the one that holds the queue: on a shared disk that may be a process of another host.
func runningAgent(dir string) (int, error) {
	if pid, err := strconv.Atoi(os.Getenv("MAINPID")); err == nil && pid > 0 {
		return pid, nil
	}
	return wal.Holder(dir)
}
