package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"backwire/agent"
)

// checkWithin bounds a check: nobody waits longer at a terminal.
const checkWithin = 2 * time.Minute

func newCheck(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Try every setting for real and say what to do where one fails",
		Long: `check loads the configuration and then tries it: at every site the connection, the
certificate, the credential and one page of each collector, at every endpoint an empty
write. It needs no running agent and changes nothing. It exits with 1 if a line failed.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.check(cmd.Context()) },
	}
}

func (sh *shell) check(ctx context.Context) error {
	cfg, err := sh.config()
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(sh.stderr, "warning:", w)
	}
	// What goes wrong is told by the findings; the log would tell it again.
	a, err := agent.New(cfg, readBuild().version, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	fmt.Fprintf(sh.stdout, "configuration is well; sites: %d, endpoints: %d\n", len(cfg.Sites), len(cfg.Endpoints))
	return writeFindings(sh.stdout, a.Check(ctx))
}

// writeFindings prints a line a finding, and under a failed one its error.
func writeFindings(w io.Writer, findings []agent.Finding) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	failed := 0
	for _, f := range findings {
		verdict, detail := "ok", f.Detail
		if f.Err != nil {
			failed++
			verdict, detail = "FAILED", f.Err.Error()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.Subject, f.Step, verdict, detail)
	}
	table.Flush()
	if failed > 0 {
		fmt.Fprintf(w, "%d of %d failed\n", failed, len(findings))
		return errSaid
	}
	return nil
}
