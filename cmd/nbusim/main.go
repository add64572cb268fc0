// Command nbusim is a simulated NetBackup primary server. It listens on loopback, creates jobs, and answers as the
// vendor's documents describe, so that the agent can be tried without NetBackup.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"backwire/source/netbackup/nbusim"

	"github.com/spf13/cobra"
)

const stopWithin = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "nbusim:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var o setup
	c := &cobra.Command{
		Use:           "nbusim",
		Short:         "Simulate a NetBackup primary server",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(c *cobra.Command, _ []string) error { return o.run(c.Context(), c.OutOrStdout()) },
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:1556", "address to listen on")
	f.StringVar(&o.release, "release", "11.2", "NetBackup release: 10.3, 10.5, 11.0 or 11.2")
	f.StringVar(&o.key, "api-key", nbusim.DefaultKey, "accepted API key")
	f.StringVar(&o.caOut, "ca-out", "", "file to write the CA certificate to, in PEM")
	f.StringVar(&o.truth, "truth", "", "JSON file for the true counts, written when the program stops")
	f.BoolVar(&o.plain, "plain", false, "use http instead of https")
	f.IntVar(&o.history, "history", 500, "finished jobs at the start")
	f.DurationVar(&o.span, "history-span", 24*time.Hour, "time range in which they ended")
	f.IntVar(&o.units, "storage-units", 8, "number of storage units")
	f.DurationVar(&o.keep, "keep-jobs", 0, "how long finished jobs are kept; 0 keeps them for ever")
	f.Float64Var(&o.work.JobsPerMinute, "jobs-per-minute", 30, "new jobs per minute; 0 is none")
	f.IntVar(&o.work.Clients, "clients", 60, "number of clients")
	f.IntVar(&o.work.Policies, "policies", 12, "number of policies")
	f.DurationVar(&o.work.MeanRun, "mean-run", 20*time.Second, "average duration of a job")
	f.Float64Var(&o.work.Turbulence, "turbulence", 0.1, "share of jobs that are requeued, suspended or late")
	f.Uint64Var(&o.work.Seed, "seed", 1, "the same seed gives the same jobs")
	return c
}

func (o *setup) run(ctx context.Context, out io.Writer) error {
	s, err := o.start()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "BACKWIRE_NETBACKUP_URL=%s\nBACKWIRE_NETBACKUP_API_KEY=%s\n", s.URL(), o.key)
	if o.caOut != "" {
		fmt.Fprintf(out, "BACKWIRE_NETBACKUP_CA_FILE=%s\n", o.caOut)
	}
	fmt.Fprintf(out, "BACKWIRE_NETBACKUP_CA_FINGERPRINT=%s\n# true counts: %s\n", s.Fingerprint(), s.TruthURL())
	<-ctx.Done()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return errors.Join(s.Shutdown(ending), o.writeTruth(s))
}
