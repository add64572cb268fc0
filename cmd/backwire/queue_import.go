package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime/debug"

	"github.com/spf13/cobra"

	"backwire/agent"
	"backwire/agent/config"
	"backwire/remotewrite/bundle"
	"backwire/remotewrite/rejected"
	"backwire/remotewrite/send"
)

// importFlags are those of queue import.
type importFlags struct {
	to                           []string
	trustedKey, rejected, listen string
	follow                       bool
}

// importMemory is what an import's garbage is collected at, in bytes: a bundle of somebody else's never takes much more.
const importMemory = 32 << 20

func newQueueImport(sh *shell) *cobra.Command {
	var flags importFlags
	imported := &cobra.Command{
		Use:   "import DIR",
		Short: "Verify an exported queue and send it",
		Long: `import verifies the bundle that "backwire queue export" wrote to a directory, or all bundles in
a directory that an agent exports to. It refuses them if a file is missing or changed. Then
it sends them, oldest first, to each configured endpoint, or to the URLs of --to, without
credentials. An import can be repeated, also after an interruption; the result is the same.
With --trusted-key it refuses a bundle that is not signed with that key. If a receiver refuses
samples, or a bundle is missing between two others, import sends the rest, reports it and
exits with 1.

With --follow it runs until it is stopped and takes bundles as they come into the directory,
each in a directory of its own: a bundle is sent when all its files are there and verified, the
oldest first, and moved to DIR/done when every endpoint has it. A page and /metrics at --listen
name bundles that are missing, incomplete or refused. It can be ended at any time.`,
		Example: `  backwire queue import /media/stick/out --trusted-key trusted.pem
  backwire queue import /media/stick/out --to http://localhost:9090/api/v1/write
  backwire queue import --follow /var/lib/backwire-import --trusted-key trusted.pem`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("queue import needs one directory")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.follow {
				return sh.followBundles(cmd.Context(), args[0], flags)
			}
			return sh.importBundles(cmd.Context(), args[0], flags)
		},
		ValidArgsFunction: directories,
	}
	imported.Flags().StringArrayVar(&flags.to, "to", nil, "push URL to send to instead of the configured endpoints; can be repeated")
	imported.Flags().StringVar(&flags.trustedKey, "trusted-key", "", "ed25519 public key (PEM) that must have signed the bundles")
	imported.Flags().StringVar(&flags.rejected, "rejected", "", "directory for samples that receivers refuse; BACKWIRE_QUEUE_DIR=DIR backwire queue rejected lists them")
	imported.Flags().BoolVar(&flags.follow, "follow", false, "take bundles as they come into the directory, until stopped")
	imported.Flags().StringVar(&flags.listen, "listen", defaultFollowListen, "with --follow, loopback address of the page and /metrics; empty turns them off")
	return imported
}

func (sh *shell) importBundles(ctx context.Context, dir string, flags importFlags) (err error) {
	cfg, receivers, err := sh.importTo(flags)
	if err != nil {
		return err
	}
	medium, err := newMedium(flags.trustedKey)
	if err != nil {
		return err
	}
	bundles, err := sh.openBundles(ctx, medium, dir)
	if err != nil {
		return err
	}
	rejected, finish, err := openRejected(flags.rejected)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, finish()) }()
	var failed []error
	for i, b := range bundles {
		for _, r := range receivers {
			if ctx.Err() != nil {
				failed = append(failed, fmt.Errorf("interrupted: %d of %d bundles were sent; run the import again to send the rest", i, len(bundles)))
				return errors.Join(failed...)
			}
			failed = append(failed, sh.sendBundle(ctx, b, r, rejected, sh.logger(cfg)))
		}
	}
	for _, gap := range medium.Missing() {
		failed = append(failed, errors.New(gap))
	}
	return errors.Join(failed...)
}

// importTo is what an import sends to, and makes the program take little.
func (sh *shell) importTo(flags importFlags) (*config.Config, []send.Config, error) {
	cfg, err := sh.endpointsConfig()
	if err != nil {
		return nil, nil, err
	}
	receivers, err := receiversOf(cfg, flags.to)
	if err != nil {
		return nil, nil, err
	}
	sh.beModest()
	if !sh.isSet("GOMEMLIMIT") {
		debug.SetMemoryLimit(importMemory)
	}
	return cfg, receivers, nil
}

func newMedium(trustedKey string) (*bundle.Medium, error) {
	if trustedKey == "" {
		return bundle.NewMedium(nil), nil
	}
	trusted, err := bundle.ReadTrustedKey(trustedKey)
	if err != nil {
		return nil, err
	}
	return bundle.NewMedium(trusted), nil
}

// openRejected opens the store that refused samples go to, where one is wanted.
func openRejected(dir string) (to send.Rejected, finish func() error, err error) {
	if dir == "" {
		return nil, func() error { return nil }, nil
	}
	store, err := rejected.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	return store, store.Close, nil
}

// openBundles verifies all before the first is sent.
func (sh *shell) openBundles(ctx context.Context, medium *bundle.Medium, dir string) (bundles []*bundle.Bundle, err error) {
	dirs, err := bundle.Bundles(dir)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		bar := sh.progress("verify")
		b, err := medium.Open(ctx, dir, bar.tell)
		bar.end()
		if err != nil {
			return nil, err
		}
		bundles = append(bundles, b)
		fmt.Fprintf(sh.stdout, "%s: verified, %s\n", dir, describeBundle(&b.Manifest))
		writeDamages(sh.stdout, b.Damages)
	}
	return bundles, nil
}

func (sh *shell) endpointsConfig() (*config.Config, error) {
	file, err := sh.assignments()
	if err != nil {
		return nil, err
	}
	return config.LoadEndpoints(sh.environ, file)
}

// receiversOf are the configured endpoints, or those of the command line with nothing but their URL.
func receiversOf(cfg *config.Config, urls []string) ([]send.Config, error) {
	version := readBuild().version
	if len(urls) == 0 {
		configured, err := agent.Receivers(cfg, version)
		if err == nil && len(configured) == 0 {
			err = usageError{errors.New("no endpoint is configured: set BACKWIRE_REMOTE_WRITE_URL, or use --to URL")}
		}
		return configured, err
	}
	var receivers []send.Config
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, usageError{fmt.Errorf("--to %q: expected a URL such as https://mimir.example/api/v1/push", text)}
		}
		receivers = append(receivers, send.Config{
			Name: u.Host, URL: text, ExternalLabels: cfg.ExternalLabels, UserAgent: "backwire/" + version,
		})
	}
	return receivers, nil
}

// sendBundle also fails if samples were rejected, so that the exit code shows it.
func (sh *shell) sendBundle(ctx context.Context, b *bundle.Bundle, to send.Config, rejected send.Rejected, log *slog.Logger) error {
	bar := sh.progress(to.Name)
	s, err := b.Send(ctx, to, rejected, log, bar.tell)
	bar.end()
	refused := sum(s.Rejected)
	fmt.Fprintf(sh.stdout, "%s: %d samples delivered, %d rejected, %d not sent\n", to.Name, s.Samples, refused, sum(s.Dropped))
	if err == nil && refused > 0 {
		err = fmt.Errorf("endpoint %s rejected %d samples", to.Name, refused)
	}
	return err
}

func sum(counts map[string]uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}
