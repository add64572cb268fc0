package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"backwire/agent/config"
	"backwire/remotewrite/bundle"
)

// exportFlags are those of queue export.
type exportFlags struct{ to, endpoint, since, key string }

func newQueueExport(sh *shell) *cobra.Command {
	var flags exportFlags
	export := &cobra.Command{
		Use:   "export --to DIR",
		Short: "Copy the queue to a directory, for transfer to another network",
		Long: `export copies the queue's segments to a directory, with a manifest of their hashes.
"backwire queue import" on another machine verifies and sends them. export can run while the
agent runs and does not change the queue. With --key it signs the manifest:

  openssl genpkey -algorithm ed25519 -out key.pem
  openssl pkey -in key.pem -pubout -out trusted.pem`,
		Example: `  backwire queue export --to /media/stick/out --since 7d
  backwire queue export --to /media/stick/out --endpoint cloud --key /etc/backwire/bundle.pem`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.exportQueue(cmd.Context(), flags) },
	}
	export.Flags().StringVar(&flags.to, "to", "", "directory to write to; in one that exists, the bundle gets a directory of its own")
	export.Flags().StringVar(&flags.endpoint, "endpoint", "", "only what this endpoint has not received yet")
	export.Flags().StringVar(&flags.since, "since", "", "only segments with samples since then: a duration such as 36h or 7d, a date or an RFC 3339 time")
	export.Flags().StringVar(&flags.key, "key", "", "ed25519 private key (PEM, PKCS #8) to sign with")
	return export
}

func (sh *shell) exportQueue(ctx context.Context, flags exportFlags) error {
	if flags.to == "" {
		return usageError{errors.New("queue export needs --to DIR")}
	}
	if flags.endpoint != "" && flags.since != "" {
		return usageError{errors.New("queue export: use --endpoint or --since, not both")}
	}
	options := bundle.ExportOptions{Endpoint: flags.endpoint}
	var err error
	if options.Since, err = parseSince(flags.since, time.Now()); err != nil {
		return usageError{err}
	}
	if flags.key != "" {
		if options.Key, err = bundle.ReadSigningKey(flags.key); err != nil {
			return err
		}
	}
	cfg, err := sh.queueConfig()
	if err != nil {
		return err
	}
	bar := sh.progress("export")
	options.Progress = bar.tell
	to, manifest, err := exportTo(ctx, cfg.Dir, flags.to, options)
	bar.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(sh.stdout, "%s: %s\n", to, describeBundle(manifest))
	return nil
}

// exportTo makes a bundle of a new directory, and one of its own in a directory that is there.
func exportTo(ctx context.Context, dir, to string, options bundle.ExportOptions) (string, *bundle.Manifest, error) {
	if _, err := os.Stat(to); err == nil {
		return bundle.ExportBelow(ctx, dir, to, options)
	}
	manifest, err := bundle.Export(ctx, dir, to, options)
	return to, manifest, err
}

func describeBundle(m *bundle.Manifest) string {
	t := m.Totals()
	return fmt.Sprintf("%d segments, %d records, %d samples, %d bytes of %s", len(m.Files), t.Records, t.Samples, m.Bytes(), m.Agent)
}

// parseSince reads a moment, or how long ago it was; the zero time where nothing is said.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	var ago config.Duration
	if ago.UnmarshalText([]byte(text)) == nil {
		return now.Add(-time.Duration(ago)), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q: expected a duration such as 36h or 7d, a date such as 2026-01-31, or an RFC 3339 time", text)
}
