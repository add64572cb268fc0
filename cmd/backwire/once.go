package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"backwire/source/openmetrics"
)

func newOnce(sh *shell) *cobra.Command {
	var push bool
	once := &cobra.Command{
		Use:   "once",
		Short: "Collect once and print the samples as OpenMetrics text",
		Long: `once collects from every site once and prints the samples as OpenMetrics text. It needs no
queue and stores nothing. With --push it writes the samples to the queue, as the agent does,
sends everything that is queued to every endpoint, and ends.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.once(cmd.Context(), push) },
	}
	once.Flags().BoolVar(&push, "push", false, "write the samples to the queue and send them; the agent must not be running")
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
	if err := openmetrics.Write(sh.stdout, batches); err != nil {
		return fmt.Errorf("print the cycle: %w", err)
	}
	return failed
}
