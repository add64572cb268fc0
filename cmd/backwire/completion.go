package main

import (
	"strings"

	"github.com/spf13/cobra"

	"backwire/agent/config"
)

// completeValues tells a shell what each flag takes: a name of the configuration, a file, a directory, or nothing that it could know.
func (sh *shell) completeValues(root *cobra.Command) {
	site := sh.names(func(c config.Configured) []string { return c.Sites })
	block := sh.names(func(c config.Configured) []string { return c.Blocks })
	endpoint := sh.names(func(c config.Configured) []string { return c.Endpoints })
	since := cobra.FixedCompletions([]string{"24h", "7d", "8d", "31d"}, cobra.ShellCompDirectiveNoFileComp)
	for path, complete := range map[string]map[string]cobra.CompletionFunc{
		"status":         {"site": site, "import": cobra.NoFileCompletions, "user": cobra.NoFileCompletions, "password-file": files},
		"trust":          {"site": block, "fingerprint": cobra.NoFileCompletions, "ca-file": files},
		"support-bundle": {"output": files},
		"queue export":   {"to": directories, "endpoint": endpoint, "since": since, "key": files},
		"queue import":   {"to": cobra.NoFileCompletions, "trusted-key": files, "rejected": directories, "listen": cobra.NoFileCompletions},
		"queue rejected": {"endpoint": endpoint},
		"":               {"env-file": files},
	} {
		cmd, _, _ := root.Find(strings.Fields(path))
		for flag, values := range complete {
			_ = cmd.RegisterFlagCompletionFunc(flag, values) // a test finds flags without values
		}
	}
}

// names are some of the configuration's, where that can be read.
func (sh *shell) names(of func(config.Configured) []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		file, _ := sh.assignments() // nobody can be told
		return of(config.LoadConfigured(sh.environ, file)), cobra.ShellCompDirectiveNoFileComp
	}
}

func files(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func directories(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}
