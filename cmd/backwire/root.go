package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"backwire/agent"
	"backwire/agent/config"
	"backwire/source"
)

// defaultEnvFile is read where it exists, so that the service, a shell and a reload see the same settings.
const defaultEnvFile = "/etc/backwire/backwire.env"

// shell is what every command is given of the world around it.
type shell struct {
	environ        []string
	stdout, stderr io.Writer
	stdin          io.Reader
	interactive    bool // somebody is there to answer
	envFile        string
}

func newRoot(sh *shell) *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:   "backwire",
		Short: "NetBackup monitoring by Prometheus remote write",
		Long: `backwire reads jobs and storage from NetBackup primary servers and pushes them as Prometheus
remote write. It loses nothing and counts nothing twice, through restarts, crashes and outages.

Settings are environment variables with the prefix BACKWIRE_. They are also read from the
env file; an environment variable overrides the file. Start with BACKWIRE_NETBACKUP_URL,
BACKWIRE_NETBACKUP_API_KEY_FILE and BACKWIRE_REMOTE_WRITE_URL, then run "backwire check".

Exit codes: 0 success, 1 failure, 2 usage error, 78 invalid configuration.`,
		Example: `  backwire demo      try it without NetBackup
  backwire check     test every setting
  backwire run       run the agent, as the service does`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				fmt.Fprintln(sh.stdout, readBuild())
				return nil
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version, as the command version does")
	root.SetOut(sh.stdout)
	root.SetErr(sh.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (see %q)", err, cmd.CommandPath()+" --help")}
	})
	root.PersistentFlags().StringVar(&sh.envFile, "env-file", "",
		"file with settings, in the syntax of systemd's EnvironmentFile (default "+defaultEnvFile+" if it exists)")
	root.AddCommand(
		newRun(sh), newReload(sh), newTrust(sh), newCheck(sh), newStatus(sh), newOnce(sh), newQueue(sh), newDemo(sh),
		newSupportBundle(sh), newVersion(sh),
	)
	initCompletion(root)
	sh.completeValues(root)
	return root
}

// initCompletion has cobra's own command refuse a shell that it does not know.
func initCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = noArgs
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

// noArgs is cobra.NoArgs with the exit code of a wrong command line.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := fmt.Sprintf("see %q", cmd.CommandPath()+" --help")
	cmd.SuggestionsMinimumDistance = 2 // edits between what was written and a command
	if alike := cmd.SuggestionsFor(args[0]); len(alike) > 0 {
		hint = fmt.Sprintf("did you mean %q? %s", cmd.CommandPath()+" "+alike[0], hint)
	}
	return usageError{fmt.Errorf("%q does not accept the argument %q (%s)", cmd.CommandPath(), args[0], hint)}
}

// assignments are the env file's; none where the default one does not exist.
func (sh *shell) assignments() ([]config.Assignment, error) {
	path := sh.envFile
	if path == "" {
		path = defaultEnvFile
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	file, err := config.ReadEnvFile(path)
	if err != nil {
		return nil, refusedError{err}
	}
	return file, nil
}

// config is the whole configuration, or config.Problems.
func (sh *shell) config() (*config.Config, error) {
	file, err := sh.assignments()
	if err != nil {
		return nil, err
	}
	return agent.LoadConfig(sh.environ, file)
}

// queueConfig is the queue's configuration alone.
func (sh *shell) queueConfig() (config.Queue, error) {
	file, err := sh.assignments()
	if err != nil {
		return config.Queue{}, err
	}
	return config.LoadQueue(sh.environ, file)
}

// printable leaves nothing in a line of the log that a terminal obeys: values repeat what servers, receivers and media say.
func printable(_ []string, a slog.Attr) slog.Attr {
	switch value := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(source.Printable(value))
	case []string:
		a.Value = slog.StringValue(source.Printable(strings.Join(value, " ")))
	case error:
		a.Value = slog.StringValue(source.Printable(value.Error()))
	}
	return a
}

// logger writes to standard error as the configuration says, and tells its warnings.
func (sh *shell) logger(cfg *config.Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.LogLevel)) // the configuration has been validated
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: printable}
	var log *slog.Logger
	if cfg.LogFormat == "json" {
		log = slog.New(slog.NewJSONHandler(sh.stderr, options))
	} else {
		log = slog.New(slog.NewTextHandler(sh.stderr, options))
	}
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
	return log
}
