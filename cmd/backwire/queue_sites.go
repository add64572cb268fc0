package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"backwire/remotewrite/queue"
	"backwire/source"
)

func newQueueRename(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Move the counted jobs of a site to its new name",
		Long: `Use rename when the name of a site has changed: BACKWIRE_NETBACKUP_SITE, or the name in
BACKWIRE_NETBACKUP_SITES, or, without both, the host in the URL. The list of counted jobs
moves to the new name, so no job is counted twice. The counters of the old name end; those of
the new name start at 0. Stop the agent first. Start it afterwards, with the new name.`,
		Example: "  backwire queue rename primary primary.example",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 || args[0] == "" || args[1] == "" {
				return usageError{errors.New("queue rename needs two names: the old and the new name of the site")}
			}
			return sh.changeSites(fmt.Sprintf("site %s is renamed to %s", args[0], args[1]), func(dir string, o queue.Options) error {
				return queue.RenameSite(dir, args[0], args[1], o)
			})
		},
		ValidArgsFunction: sh.completeSite,
	}
}

func newQueueForget(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "forget SITE",
		Short: "Delete the counted jobs of a removed site",
		Long: `forget ends the series of a site that is no longer configured and deletes its list of counted
jobs. The agent does this by itself 35 days after the site was removed. Queued samples of the
site are still sent. If the site comes back later, it starts new and counts the jobs of
BACKWIRE_BACKFILL again. Stop the agent first.`,
		Example: "  backwire queue forget paris",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usageError{errors.New("queue forget needs the name of one site")}
			}
			return sh.changeSites(fmt.Sprintf("site %s is forgotten", args[0]), func(dir string, o queue.Options) error {
				return queue.ForgetSite(dir, args[0], o)
			})
		},
		ValidArgsFunction: sh.completeSite,
	}
}

func (sh *shell) changeSites(done string, change func(dir string, o queue.Options) error) error {
	cfg, err := sh.queueConfig()
	if err != nil {
		return err
	}
	if err := change(cfg.Dir, queue.Options{SegmentBytes: int64(cfg.SegmentBytes)}); err != nil {
		if errors.Is(err, queue.ErrInUse) {
			err = fmt.Errorf("%w; stop the agent first: systemctl stop backwire", err)
		}
		return err
	}
	_, err = fmt.Fprintln(sh.stdout, source.Printable(done))
	return err
}

// completeSite offers the sites that the queue knows, as the first argument.
func (sh *shell) completeSite(_ *cobra.Command, args []string, _ string) (names []string, how cobra.ShellCompDirective) {
	cfg, err := sh.queueConfig()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, _ := queue.Inspect(cfg.Dir)
	for _, site := range found.Sites {
		if site.Name != "" { // the agent's own metrics
			names = append(names, site.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
