package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"backwire/remotewrite/queue"
)

func newQueue(sh *shell) *cobra.Command {
	queue := &cobra.Command{
		Use:   "queue",
		Short: "Inspect, export and import the queue",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	queue.AddCommand(newQueueList(sh), newQueueVerify(sh), newQueueRejected(sh), newQueueExport(sh), newQueueImport(sh), newQueueRename(sh), newQueueForget(sh))
	return queue
}

func newQueueList(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "List the segments, and the position of each endpoint",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := sh.queueConfig()
			if err != nil {
				return err
			}
			found, err := queue.Inspect(cfg.Dir)
			if err != nil {
				return err
			}
			return writeInspection(sh.stdout, found)
		},
	}
}

func writeInspection(w io.Writer, found queue.Inspection) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "SEGMENT\tBYTES\tRECORDS\tSAMPLES\tSERIES\tB/SAMPLE\tFROM\tTO\t")
	for _, s := range found.Segments {
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%d\t%.2f\t%s\t%s\t\n",
			s.Segment, s.Bytes, s.Records, s.Samples, s.Series, s.BytesPerSample(), moment(s.Oldest), moment(s.Newest))
	}
	table.Flush()

	fmt.Fprintln(w)
	table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ENDPOINT\tPOSITION\tRECORDS BEHIND\tSAMPLES BEHIND")
	for _, c := range found.Cursors {
		if c.Err != nil {
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\n", c.Name, c.At, c.Lag.Records, c.Lag.Samples)
	}
	table.Flush()
	writeDamages(w, found.Damages)
	writeMissing(w, found.Missing)
	return cursorErrors(found.Cursors)
}

// moment is a sample's time to the second, a dash where there is none.
func moment(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}
