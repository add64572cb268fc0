package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"backwire/remotewrite"
)

func newQueueRejected(sh *shell) *cobra.Command {
	var asJSON bool
	rejected := &cobra.Command{
		Use:   "rejected",
		Short: "List what receivers refused for good, in their words",
		Long: `rejected lists the samples that receivers refused, the oldest first, with the receiver's own
words. They are kept in the queue's directory, the oldest given up when there are too many.
With --json each line is one refusal with all its samples.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := sh.queueConfig()
			if err != nil {
				return err
			}
			write := writeRejected
			if asJSON {
				write = writeRejectedJSON
			}
			return write(sh.stdout, remotewrite.ReadRejected(cfg.Dir))
		},
	}
	rejected.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line, samples included")
	return rejected
}

func writeRejected(w io.Writer, rejections iter.Seq2[remotewrite.Rejection, error]) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tENDPOINT\tSTATUS\tSAMPLES\tSERIES\tWORDS")
	var failed []error
	for r, err := range rejections {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		// Quoted, because a receiver's words may hold anything, and would else draw on the terminal.
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\t%s\n",
			r.Time.UTC().Format(time.RFC3339), r.Endpoint, r.Status, r.Samples, refusedSeries(r), strconv.Quote(r.Words))
	}
	table.Flush()
	return errors.Join(failed...)
}

// refusedSeries is the first series of a refusal and how many others there are.
func refusedSeries(r remotewrite.Rejection) string {
	switch len(r.Series) {
	case 0:
		return "-"
	case 1:
		return r.Series[0].String()
	}
	return fmt.Sprintf("%s and %d more", r.Series[0].String(), len(r.Series)-1)
}

func writeRejectedJSON(w io.Writer, rejections iter.Seq2[remotewrite.Rejection, error]) error {
	lines := json.NewEncoder(w)
	var failed []error
	for r, err := range rejections {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if err := lines.Encode(r); err != nil {
			return fmt.Errorf("print a refusal: %w", err)
		}
	}
	return errors.Join(failed...)
}
