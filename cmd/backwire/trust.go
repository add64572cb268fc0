package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"backwire/agent/config"
	"backwire/source/netbackup/api"
)

// trustWithin bounds the wait for the server.
const trustWithin = time.Minute

// defaultCAFile is where a CA is stored that no setting names a file for: each site has its own.
func defaultCAFile(site string) string {
	name := "netbackup-ca"
	if site != "" {
		name += "-" + site
	}
	return filepath.Join(filepath.Dir(defaultEnvFile), name+".pem")
}

type trustFlags struct{ site, fingerprint, file string }

func newTrust(sh *shell) *cobra.Command {
	var flags trustFlags
	trust := &cobra.Command{
		Use:   "trust [URL]",
		Short: "Fetch a primary server's CA certificate and store it once you confirm it",
		Long: `trust fetches the CA certificate of a primary server and shows its fingerprint. It stores the
certificate once you confirm the fingerprint, at the prompt or with --fingerprint. Run
"nbcertcmd -listCACertDetails" on the primary server to get the fingerprint to compare with.

Without a URL, trust uses BACKWIRE_NETBACKUP_URL, and stores the certificate in
BACKWIRE_NETBACKUP_CA_FILE. Other settings do not have to be complete.`,
		Example: `  backwire trust https://primary.example:1556/netbackup
  backwire trust --site paris --fingerprint 5C:01:…`,
		Args: atMostOne("a URL"),
		RunE: func(cmd *cobra.Command, args []string) error { return sh.trust(cmd.Context(), flags, args) },
	}
	trust.Flags().StringVar(&flags.site, "site", "", "name of the site, if there are several")
	trust.Flags().StringVar(&flags.fingerprint, "fingerprint", "", "expected SHA-256 fingerprint, in hex; trust then does not ask")
	trust.Flags().StringVar(&flags.file, "ca-file", "", "file to store the certificate in (default the file of the setting, or "+defaultCAFile("")+")")
	return trust
}

// atMostOne allows an argument to be left out.
func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return usageError{fmt.Errorf("%q accepts one argument, %s (see %q)", cmd.CommandPath(), what, cmd.CommandPath()+" --help")}
	}
}

func (sh *shell) trust(ctx context.Context, flags trustFlags, args []string) error {
	if flags.fingerprint == "" && !sh.interactive {
		return usageError{errors.New("cannot ask for confirmation because standard input is not a terminal: use --fingerprint")}
	}
	primary, err := sh.primary(flags, args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, trustWithin)
	defer cancel()
	shown, err := api.FetchCA(ctx, primary.URL.URL)
	if err != nil {
		return fmt.Errorf("fetch the CA certificate: %w", err)
	}
	chosen, err := sh.choose(primary.URL.URL, shown, flags.fingerprint)
	if err != nil {
		return err
	}
	return sh.store(chosen, &primary)
}

// primary is whom to trust, and where to store it.
func (sh *shell) primary(flags trustFlags, args []string) (config.Primary, error) {
	var p config.Primary
	if len(args) == 1 {
		p.Name = flags.site
		if err := p.URL.UnmarshalText([]byte(args[0])); err != nil {
			return p, usageError{fmt.Errorf("URL %q: %w", args[0], err)}
		}
	} else {
		file, err := sh.assignments()
		if err != nil {
			return p, err
		}
		if p, err = config.LoadPrimary(sh.environ, file, flags.site); err != nil {
			return p, err
		}
	}
	switch {
	case !p.URL.Set():
		return p, usageError{fmt.Errorf("give the primary server's URL, or set %s", p.Variable("URL"))}
	case p.URL.Scheme != "https":
		return p, usageError{fmt.Errorf("%s: a CA certificate is needed for https only", p.URL)}
	}
	p.CAFile = cmp.Or(flags.file, p.CAFile, defaultCAFile(p.Name))
	return p, nil
}

// choose picks what is believed of what the server shows.
func (sh *shell) choose(from *url.URL, shown []api.CA, fingerprint string) ([]api.CA, error) {
	fmt.Fprintf(sh.stdout, "%s presents:\n", from)
	for _, ca := range shown {
		writeCA(sh.stdout, ca)
	}
	if fingerprint != "" {
		return chooseByFingerprint(shown, fingerprint)
	}
	fmt.Fprintln(sh.stdout, `
Compare with the output on the primary server: nbcertcmd -listCACertDetails`)
	answers := bufio.NewScanner(sh.stdin)
	var chosen []api.CA
	for _, ca := range shown {
		fmt.Fprintf(sh.stdout, "Trust %s? (yes/no) ", ca.Fingerprint)
		if answers.Scan() && strings.TrimSpace(answers.Text()) == "yes" {
			chosen = append(chosen, ca)
		}
	}
	if chosen == nil {
		return nil, errors.New("not confirmed; nothing was stored")
	}
	return chosen, nil
}

func chooseByFingerprint(shown []api.CA, fingerprint string) ([]api.CA, error) {
	for _, ca := range shown {
		same, err := ca.Has(fingerprint)
		if err != nil {
			return nil, usageError{err}
		}
		if same {
			return []api.CA{ca}, nil
		}
	}
	return nil, fmt.Errorf("no certificate has the fingerprint %s: it belongs to another server, or the connection is intercepted; nothing was stored", fingerprint)
}

// writeCA quotes texts from the server, which is not trusted yet.
func writeCA(w io.Writer, ca api.CA) {
	c := ca.Certificate
	note := ""
	if now := time.Now(); now.After(c.NotAfter) || now.Before(c.NotBefore) {
		note = "  NOT VALID AT PRESENT"
	}
	fmt.Fprintf(w, "\n  subject      %q\n  SHA-256      %s\n  valid        %s to %s%s\n",
		c.Subject.String(), ca.Fingerprint, c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly), note)
}

// store writes the file at once or not at all. Everybody may read it: a certificate is no secret, and the
// service does not run as who stores it.
func (sh *shell) store(chosen []api.CA, primary *config.Primary) error {
	path, err := filepath.Abs(primary.CAFile)
	if err != nil {
		return fmt.Errorf("store the CA certificate: %w", err)
	}
	var text strings.Builder
	for _, ca := range chosen {
		text.WriteString(ca.PEM)
	}
	err = renameio.WriteFile(path, []byte(text.String()), 0o644, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o644))
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("store the CA certificate: %w; run trust as root, or choose another file with --ca-file", err)
	}
	if err != nil {
		return fmt.Errorf("store the CA certificate: %w", err)
	}
	fmt.Fprintf(sh.stdout, "\nStored. Use it with this setting:\n%s=%s\n", primary.Variable("CA_FILE"), path)
	return nil
}
