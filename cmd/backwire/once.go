package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"backwire/agent"
)

func newOnce(sh *shell) *cobra.Command {
	var push bool
	once := &cobra.Command{
		Use:   "once",
		Short: "Run one cycle and print it as OpenMetrics text",
		Long: `once asks every site one time and prints what the cycle would send, as OpenMetrics text.
It needs no queue and remembers nothing. With --push it uses the queue instead, like the
agent, sends everything that is queued to every endpoint, and ends.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.once(cmd.Context(), push) },
	}
	once.Flags().BoolVar(&push, "push", false, "commit the cycle to the queue and send it; the agent must not be running")
	return once
}

func (sh *shell) once(ctx context.Context, push bool) error {
	a, _, err := sh.agent()
	if err != nil {
		return err
	}
	if push {
		_, err := a.Push(ctx)
		return err
	}
	batches, failed := a.Once(ctx)
	// What did answer is worth seeing, whatever did not.
	if err := agent.WriteOpenMetrics(sh.stdout, batches); err != nil {
		return fmt.Errorf("print the cycle: %w", err)
	}
	return failed
}
