package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"backwire/agent"
	"backwire/agent/config"
	"backwire/remotewrite/rejected"
	"backwire/remotewrite/send"
	"backwire/source"
)

// rejectedFlags are those of queue rejected.
type rejectedFlags struct {
	json, push bool
	endpoint   string
}

func newQueueRejected(sh *shell) *cobra.Command {
	var flags rejectedFlags
	rejected := &cobra.Command{
		Use:   "rejected",
		Short: "List samples that receivers rejected, with their messages, or send them again",
		Long: `rejected lists the samples that receivers rejected, oldest first, with the receiver's message.
They are kept in the queue's directory; when there are too many, the oldest are deleted.
With --json each line is one rejection with all its samples. Use --push once the receiver is
fixed: it sends the samples again to the configured endpoints that rejected them. Accepted
samples leave the list. Samples that are rejected again stay, and the exit code is 1. The
agent can run at the same time.`,
		Example: `  backwire queue rejected
  backwire queue rejected --push --endpoint cloud`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.rejected(cmd.Context(), flags) },
	}
	rejected.Flags().BoolVar(&flags.json, "json", false, "print one JSON object per line, with the samples")
	rejected.Flags().BoolVar(&flags.push, "push", false, "send the rejected samples again")
	rejected.Flags().StringVar(&flags.endpoint, "endpoint", "", "only the samples of this endpoint")
	return rejected
}

func (sh *shell) rejected(ctx context.Context, flags rejectedFlags) error {
	if flags.push && flags.json {
		return usageError{errors.New("queue rejected: use --push or --json, not both")}
	}
	if flags.push {
		return sh.pushRejected(ctx, flags.endpoint)
	}
	cfg, err := sh.queueConfig()
	if err != nil {
		return err
	}
	write := writeRejected
	if flags.json {
		write = writeRejectedJSON
	}
	return write(sh.stdout, rejectedBy(cfg.Dir, flags.endpoint))
}

// rejectedBy leaves out what other endpoints refused; without a name it does not.
func rejectedBy(dir, endpoint string) iter.Seq2[send.Rejection, error] {
	return func(yield func(send.Rejection, error) bool) {
		for r, err := range rejected.Read(dir) {
			if err == nil && endpoint != "" && r.Endpoint != endpoint {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (sh *shell) pushRejected(ctx context.Context, endpoint string) error {
	cfg, err := sh.endpointsConfig()
	if err != nil {
		return err
	}
	waiting := map[string]bool{}
	for r, err := range rejectedBy(cfg.Queue.Dir, endpoint) {
		waiting[r.Endpoint] = waiting[r.Endpoint] || err == nil
	}
	receivers, err := agent.Receivers(cfg, readBuild().version)
	if err != nil {
		return err
	}
	var failed []error
	for _, to := range receivers {
		if waiting[to.Name] {
			failed = append(failed, sh.repush(ctx, cfg, to))
			delete(waiting, to.Name)
		}
	}
	for name, left := range waiting {
		if left {
			failed = append(failed, fmt.Errorf("endpoint %s is no longer configured: its rejected samples stay in the list", name))
		}
	}
	return errors.Join(failed...)
}

// repush fails where something stays.
func (sh *shell) repush(ctx context.Context, cfg *config.Config, to send.Config) error {
	store, err := rejected.Open(cfg.Queue.Dir)
	if err != nil {
		return err
	}
	bar := sh.progress(to.Name)
	done, err := store.Repush(ctx, to, sh.logger(cfg), bar.tell)
	bar.end()
	refused := sum(done.Stats.Rejected)
	fmt.Fprintf(sh.stdout, "%s: %d of %d rejections accepted now, %d samples rejected again\n", to.Name, done.Taken, done.Rejections, refused)
	if done.Held > 0 {
		fmt.Fprintf(sh.stdout, "%s: %d samples not sent because of MAX_SAMPLE_AGE, KEEP or DROP; they stay in the list\n", to.Name, done.Held)
	}
	if err == nil && refused > 0 {
		err = fmt.Errorf("endpoint %s rejected %d samples again", to.Name, refused)
	}
	return errors.Join(err, store.Close())
}

func writeRejected(w io.Writer, rejections iter.Seq2[send.Rejection, error]) error {
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
			r.Time.UTC().Format(time.RFC3339), source.Printable(r.Endpoint), r.Status, r.Samples, source.Printable(refusedSeries(r)), strconv.Quote(r.Words))
	}
	table.Flush()
	return errors.Join(failed...)
}

// refusedSeries is the first series of a refusal and how many others there are.
func refusedSeries(r send.Rejection) string {
	switch len(r.Series) {
	case 0:
		return "-"
	case 1:
		return r.Series[0].String()
	}
	return fmt.Sprintf("%s and %d more", r.Series[0].String(), len(r.Series)-1)
}

func writeRejectedJSON(w io.Writer, rejections iter.Seq2[send.Rejection, error]) error {
	lines := json.NewEncoder(w)
	var failed []error
	for r, err := range rejections {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if err := lines.Encode(r); err != nil {
			return fmt.Errorf("print a rejection: %w", err)
		}
	}
	return errors.Join(failed...)
}
