package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"backwire/agent"
	"backwire/agent/config"
	"backwire/agent/page"
)

// watchEvery is how often a watched status is asked for again.
const watchEvery = 2 * time.Second

type statusFlags struct {
	asJSON, watch, fail      bool
	site, user, passwordFile string
	imports                  string // where an import that follows a directory has its page
}

func newStatus(sh *shell) *cobra.Command {
	var flags statusFlags
	status := &cobra.Command{
		Use:   "status",
		Short: "Show the state of the agent on this host",
		Long: `status shows the sites, queue and endpoints of the running agent: a line for each, those that
fail first, with what is wrong. Of a single site, or the one of --site, it shows every collector
and the last cycles. If no agent answers, it reads the queue instead, and says so and when the
agent last wrote to it. It exits with 1 if no agent answers or the agent is unhealthy, and with
--fail also if it is not ready, a site is down, or an endpoint is paused, refuses everything or
is stuck. If the status page needs a password, use --user and --password-file. An import of
bundles that runs on this host (queue import --follow) is shown last, with the bundles that are
missing; with --fail these count too.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.status(cmd.Context(), flags) },
	}
	status.Flags().BoolVar(&flags.asJSON, "json", false, "print one JSON object, the same as /status.json")
	status.Flags().BoolVar(&flags.watch, "watch", false, "refresh every 2 seconds, until interrupted")
	status.Flags().BoolVar(&flags.fail, "fail", false, "also exit with 1 if the agent is not ready, a site is down, or an endpoint is paused, refuses everything or is stuck")
	status.Flags().StringVar(&flags.site, "site", "", "only this site, with its collectors and last cycles")
	status.Flags().StringVar(&flags.imports, "import", defaultFollowListen, "address of the page of an import that follows a directory; empty shows none")
	status.Flags().StringVar(&flags.user, "user", "", "user for the status page, if it needs a password")
	status.Flags().StringVar(&flags.passwordFile, "password-file", "", "file with the password of that user")
	return status
}

func (sh *shell) status(ctx context.Context, flags statusFlags) error {
	if (flags.user == "") != (flags.passwordFile == "") {
		return usageError{errors.New("status needs --user and --password-file together")}
	}
	file, err := sh.assignments()
	if err != nil {
		return err
	}
	local, err := config.LoadLocal(sh.environ, file)
	if err != nil {
		return err
	}
	client := agent.LocalClient{Local: local, User: flags.user, PasswordFile: flags.passwordFile}
	write := writeStatus
	if flags.asJSON {
		write = writeStatusJSON
	}
	for {
		s, err := client.Status(ctx)
		imports := askFollower(ctx, flags.imports)
		alone := err != nil && imports != nil // this is the other side of an air gap, where no agent runs
		if err != nil && !alone {
			return err
		}
		if !alone {
			if err := onlySite(&s, flags.site); err != nil {
				return err
			}
		}
		if flags.watch {
			sh.clear()
		}
		if err := write(sh.stdout, shown{&s, alone, imports}); err != nil {
			return err
		}
		switch {
		case flags.watch && wait(ctx, watchEvery):
			continue
		case flags.fail && imports != nil && imports.needsSomebody(),
			!alone && (s.Down != "" || s.Unhealthy != "" || flags.fail && needsSomebody(&s)):
			return errSaid
		}
		return nil
	}
}

// shown is what status shows: the agent, and the import on its machine, which may be there alone.
type shown struct {
	agent   *page.Status
	alone   bool
	imports *followStatus
}

// onlySite leaves one site in a status; without a name it leaves all.
func onlySite(s *page.Status, name string) error {
	if name == "" {
		return nil
	}
	var names []string
	for i := range s.Sites {
		if s.Sites[i].Name == name {
			s.Sites = s.Sites[i : i+1]
			return nil
		}
		names = append(names, s.Sites[i].Name)
	}
	return usageError{fmt.Errorf("--site %q: the agent has no such site; expected one of %s", name, listed(names, len(names)))}
}

// needsSomebody says that the agent is not ready, a site does not answer, or an endpoint does not go on by itself.
func needsSomebody(s *page.Status) bool {
	return s.Unready != "" ||
		slices.ContainsFunc(s.Sites, func(site page.SiteStatus) bool { return site.State == "down" }) ||
		slices.ContainsFunc(s.Endpoints, func(e page.EndpointStatus) bool { return e.Stuck() })
}

// wait returns false if ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// clear clears the screen of a terminal.
func (sh *shell) clear() {
	if f, ok := sh.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(f, "\x1b[H\x1b[2J")
	}
}

func writeStatusJSON(w io.Writer, s shown) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if s.alone {
		return out.Encode(map[string]*followStatus{"import": s.imports})
	}
	return out.Encode(struct {
		*page.Status
		Import *followStatus `json:"import,omitempty"`
	}{s.agent, s.imports})
}
