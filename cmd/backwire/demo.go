package main

import (
	"github.com/spf13/cobra"

	"backwire/cmd/backwire/demo"
)

func newDemo(sh *shell) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show backwire at work: a simulated primary server, the agent and a receiver in one program",
		Long: `demo starts a simulated NetBackup primary server with last night's jobs, the agent, and a
receiver that is down at first. Everything listens on loopback only and is removed when demo
ends. demo ends when the counts at the receiver equal the counts at the primary server.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.Run(cmd.Context(), sh.stdout, readBuild().version, keep)
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "keep running, with the status page, until interrupted")
	return cmd
}
