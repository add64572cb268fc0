package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"backwire/agent"
	"backwire/remotewrite"
)

// importFlags are those of queue import.
type importFlags struct {
	to         []string
	trustedKey string
}

func newQueueImport(sh *shell) *cobra.Command {
	var flags importFlags
	imported := &cobra.Command{
		Use:   "import DIR",
		Short: "Verify an exported queue and send it",
		Long: `import reads all of a directory that "backwire queue export" wrote, refuses it where a file is
missing or was changed, and sends it, oldest first, to the configured endpoints, one after
the other, or to the URLs of --to, which get no credentials. It may be repeated, also after
an interruption: receivers have the same series in the end. With --trusted-key an unsigned
bundle, or one that was signed with another key, is refused.`,
		Example: `  backwire queue import /media/stick/out --trusted-key trusted.pem
  backwire queue import /media/stick/out --to http://localhost:9090/api/v1/write`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("queue import needs one directory")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return sh.importBundle(cmd.Context(), args[0], flags) },
	}
	imported.Flags().StringArrayVar(&flags.to, "to", nil, "push URL to send to instead of the configured endpoints; may be repeated")
	imported.Flags().StringVar(&flags.trustedKey, "trusted-key", "", "ed25519 public key (PEM) whose signature is required")
	return imported
}

func (sh *shell) importBundle(ctx context.Context, dir string, flags importFlags) error {
	cfg, err := sh.endpointsConfig()
	if err != nil {
		return err
	}
	receivers, err := receiversOf(cfg, flags.to)
	if err != nil {
		return err
	}
	bundle, err := sh.openBundle(dir, flags.trustedKey)
	if err != nil {
		return err
	}
	fmt.Fprintf(sh.stdout, "%s: verified, %s\n", dir, describeBundle(&bundle.Manifest))
	writeDamages(sh.stdout, bundle.Damages)
	var failed []error
	for _, r := range receivers {
		failed = append(failed, sh.sendBundle(ctx, bundle, r, cfg))
	}
	return errors.Join(append(failed, bundle.Close())...)
}

func (sh *shell) endpointsConfig() (*agent.Config, error) {
	file, err := sh.assignments()
	if err != nil {
		return nil, err
	}
	return agent.LoadEndpoints(sh.environ, file)
}

// receiversOf are the configured endpoints, or those of the command line with nothing but their URL.
func receiversOf(cfg *agent.Config, urls []string) ([]remotewrite.EndpointConfig, error) {
	version := readBuild().version
	if len(urls) == 0 {
		configured, err := cfg.Receivers(version)
		if err == nil && len(configured) == 0 {
			err = usageError{errors.New("no endpoint is configured: set BACKWIRE_REMOTE_WRITE_URL or use --to URL")}
		}
		return configured, err
	}
	var receivers []remotewrite.EndpointConfig
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, usageError{fmt.Errorf("--to %q: expected a URL such as https://mimir.example/api/v1/push", text)}
		}
		receivers = append(receivers, remotewrite.EndpointConfig{
			Name: u.Host, URL: text, ExternalLabels: cfg.ExternalLabels, UserAgent: "backwire/" + version,
		})
	}
	return receivers, nil
}

func (sh *shell) openBundle(dir, trustedKey string) (*remotewrite.Bundle, error) {
	bar := sh.progress("verify")
	defer bar.end()
	if trustedKey == "" {
		return remotewrite.OpenBundle(dir, nil, bar.tell)
	}
	trusted, err := remotewrite.ReadTrustedKey(trustedKey)
	if err != nil {
		return nil, err
	}
	return remotewrite.OpenBundle(dir, trusted, bar.tell)
}

func (sh *shell) sendBundle(ctx context.Context, b *remotewrite.Bundle, to remotewrite.EndpointConfig, cfg *agent.Config) error {
	bar := sh.progress(to.Name)
	s, err := b.Send(ctx, to, sh.logger(cfg), bar.tell)
	bar.end()
	fmt.Fprintf(sh.stdout, "%s: %d samples delivered, %d refused, %d not sent\n", to.Name, s.Samples, sum(s.Rejected), sum(s.Dropped))
	return err
}

func sum(counts map[string]uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}
