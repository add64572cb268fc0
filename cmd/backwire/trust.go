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

	"backwire/agent"
	"backwire/source/netbackup"
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
		Short: "Fetch a primary server's certificate authority and store it after a yes",
		Long: `trust asks a primary server for its certificate authority, shows the fingerprint and stores
it once you say that it is the right one: at the question, or with --fingerprint. What the
primary server itself says of it is told there by "nbcertcmd -listCACertDetails".

Without a URL the server is that of BACKWIRE_NETBACKUP_URL, and the file that of
BACKWIRE_NETBACKUP_CA_FILE. The rest of the settings need not be complete.`,
		Example: `  backwire trust https://primary.example:1556/netbackup
  backwire trust --site paris --fingerprint 5C:01:…`,
		Args: atMostOne("a URL"),
		RunE: func(cmd *cobra.Command, args []string) error { return sh.trust(cmd.Context(), flags, args) },
	}
	trust.Flags().StringVar(&flags.site, "site", "", "the site's name, where there are several")
	trust.Flags().StringVar(&flags.fingerprint, "fingerprint", "", "SHA-256 of the right one, in hex: asks nothing")
	trust.Flags().StringVar(&flags.file, "ca-file", "", "where to store it (default the setting's file, or "+defaultCAFile("")+")")
	return trust
}

// atMostOne allows an argument to be left out.
func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return usageError{fmt.Errorf("%q takes %s and no more (see %q)", cmd.CommandPath(), what, cmd.CommandPath()+" --help")}
	}
}

func (sh *shell) trust(ctx context.Context, flags trustFlags, args []string) error {
	if flags.fingerprint == "" && !sh.interactive {
		return usageError{errors.New("nobody can be asked, because standard input is not a terminal: give --fingerprint")}
	}
	primary, err := sh.primary(flags, args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, trustWithin)
	defer cancel()
	shown, err := netbackup.FetchCA(ctx, primary.URL.URL)
	if err != nil {
		return fmt.Errorf("fetch the certificate authority: %w", err)
	}
	chosen, err := sh.choose(primary.URL.URL, shown, flags.fingerprint)
	if err != nil {
		return err
	}
	return sh.store(chosen, &primary)
}

// primary is whom to trust, and where to store it.
func (sh *shell) primary(flags trustFlags, args []string) (agent.Primary, error) {
	var p agent.Primary
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
		if p, err = agent.LoadPrimary(sh.environ, file, flags.site); err != nil {
			return p, err
		}
	}
	switch {
	case !p.URL.Set():
		return p, usageError{fmt.Errorf("give the primary server's URL, or set %s", p.Variable("URL"))}
	case p.URL.Scheme != "https":
		return p, usageError{fmt.Errorf("%s: a certificate authority is for https", p.URL)}
	}
	p.CAFile = cmp.Or(flags.file, p.CAFile, defaultCAFile(p.Name))
	return p, nil
}

// choose picks what is believed of what the server shows.
func (sh *shell) choose(from *url.URL, shown []netbackup.CA, fingerprint string) ([]netbackup.CA, error) {
	fmt.Fprintf(sh.stdout, "%s shows:\n", from)
	for _, ca := range shown {
		writeCA(sh.stdout, ca)
	}
	if fingerprint != "" {
		return chooseByFingerprint(shown, fingerprint)
	}
	fmt.Fprintln(sh.stdout, `
Compare with what the primary server says: nbcertcmd -listCACertDetails`)
	answers := bufio.NewScanner(sh.stdin)
	var chosen []netbackup.CA
	for _, ca := range shown {
		fmt.Fprintf(sh.stdout, "Trust %s? (yes/no) ", ca.Fingerprint)
		if answers.Scan() && strings.TrimSpace(answers.Text()) == "yes" {
			chosen = append(chosen, ca)
		}
	}
	if chosen == nil {
		return nil, errors.New("nothing is trusted and nothing was stored")
	}
	return chosen, nil
}

func chooseByFingerprint(shown []netbackup.CA, fingerprint string) ([]netbackup.CA, error) {
	for _, ca := range shown {
		same, err := ca.Has(fingerprint)
		if err != nil {
			return nil, usageError{err}
		}
		if same {
			return []netbackup.CA{ca}, nil
		}
	}
	return nil, fmt.Errorf("none of these has the fingerprint %s: either it is another server's, or somebody stands between; nothing was stored", fingerprint)
}

// writeCA quotes what the server, whoever it is, made up.
func writeCA(w io.Writer, ca netbackup.CA) {
	c := ca.Certificate
	note := ""
	if now := time.Now(); now.After(c.NotAfter) || now.Before(c.NotBefore) {
		note = "  NOT VALID NOW"
	}
	fmt.Fprintf(w, "\n  subject      %q\n  SHA-256      %s\n  valid        %s to %s%s\n",
		c.Subject.String(), ca.Fingerprint, c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly), note)
}

// store writes the file at once or not at all. Everybody may read it: a certificate is no secret, and the
// service does not run as who stores it.
func (sh *shell) store(chosen []netbackup.CA, primary *agent.Primary) error {
	path, err := filepath.Abs(primary.CAFile)
	if err != nil {
		return fmt.Errorf("store the certificate authority: %w", err)
	}
	var text strings.Builder
	for _, ca := range chosen {
		text.WriteString(ca.PEM)
	}
	err = renameio.WriteFile(path, []byte(text.String()), 0o644, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o644))
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("store the certificate authority: %w; run it as root, or choose another place with --ca-file", err)
	}
	if err != nil {
		return fmt.Errorf("store the certificate authority: %w", err)
	}
	fmt.Fprintf(sh.stdout, "\nStored. The setting that uses it:\n%s=%s\n", primary.Variable("CA_FILE"), path)
	return nil
}
