package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/record"
)

func newQueueVerify(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Read the whole queue and report what is damaged or missing",
		Long: `verify reads every record, the position of every endpoint and the inventory. It prints what is
damaged and how many records are lost; a damaged record is not lost if the next one repeats
it. It also prints what was deleted. It changes nothing and can run while the agent runs. It
exits with 1 if something is damaged or missing.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.verifyQueue(cmd.Context()) },
	}
}

func (sh *shell) verifyQueue(ctx context.Context) error {
	cfg, err := sh.queueConfig()
	if err != nil {
		return err
	}
	bar := sh.progress("verify")
	found, err := queue.Verify(ctx, cfg.Dir, bar.tell)
	bar.end()
	if err != nil {
		return err
	}
	return writeVerdict(sh.stdout, found)
}

func writeVerdict(w io.Writer, found queue.Inspection) error {
	var sum record.Totals
	for _, s := range found.Segments {
		sum.Records += s.Records
		sum.Samples += s.Samples
	}
	fmt.Fprintf(w, "%d segments, %d records, %d samples\n", len(found.Segments), sum.Records, sum.Samples)
	writeDamages(w, found.Damages)
	writeMissing(w, found.Missing)
	failed := cursorErrors(found.Cursors)
	if len(found.Damages)+len(found.Missing) > 0 && failed == nil {
		return errSaid
	}
	return failed
}

func writeDamages(w io.Writer, damages []queue.Damage) {
	for _, d := range damages {
		if d.Segment == 0 {
			fmt.Fprintf(w, "damaged: %v\n", d.Err)
			continue
		}
		fmt.Fprintf(w, "damaged: segment %d at byte %d, %d records lost: %v\n", d.Segment, d.Offset, d.Lost.Records, d.Err)
	}
}

// writeMissing says what somebody has deleted.
func writeMissing(w io.Writer, missing []queue.Missing) {
	for _, m := range missing {
		if m.Endpoint == "" {
			fmt.Fprintf(w, "missing: the last segment is %d and should be %d; at least %d records with %d samples are gone\n",
				m.From, m.To, m.Lost.Records, m.Lost.Samples)
			continue
		}
		fmt.Fprintf(w, "missing: segments %[4]d to %[5]d are gone, with %[2]d records and %[3]d samples that endpoint %[1]s had not received\n",
			m.Endpoint, m.Lost.Records, m.Lost.Samples, m.From, m.To)
	}
}

func cursorErrors(cursors []queue.Cursor) error {
	var failed []error
	for _, c := range cursors {
		failed = append(failed, c.Err)
	}
	return errors.Join(failed...)
}
