package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"backwire/agent"
	"backwire/agent/config"
	"backwire/remotewrite/queue"
	"backwire/source/secret"
)

// commandWithin bounds each of the system's own programs that a bundle asks.
const commandWithin = 20 * time.Second

func newSupportBundle(sh *shell) *cobra.Command {
	var output string
	support := &cobra.Command{
		Use:   "support-bundle",
		Short: "Collect diagnostics for support in one file, without secrets",
		Long: `support-bundle writes a tar.gz with the versions, the settings without secrets, the status,
metrics and profiles of the running agent, the list of segments in the queue and the last
lines of the log. It sends nothing. Secrets from the settings are removed from all files.
missing.txt lists what could not be collected.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.supportBundle(cmd.Context(), output) },
	}
	support.Flags().StringVarP(&output, "output", "o", "", "file to write, which must not exist (default backwire-support-<time>.tar.gz)")
	return support
}

func (sh *shell) supportBundle(ctx context.Context, output string) error {
	now := time.Now().UTC()
	if output == "" {
		output = "backwire-support-" + now.Format("20060102-150405") + ".tar.gz"
	}
	file, err := os.OpenFile(output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create the bundle: %w", err)
	}
	defer file.Close()
	packed := gzip.NewWriter(file)
	b := &supportBundle{archive: tar.NewWriter(packed), now: now}
	sh.fillBundle(ctx, b)
	if err := errors.Join(b.err, b.archive.Close(), packed.Close(), file.Close()); err != nil {
		return fmt.Errorf("write the bundle %s: %w", output, err)
	}
	fmt.Fprintf(sh.stdout, "%s has %s\n", output, strings.Join(b.names, ", "))
	return nil
}

// supportBundle is an archive of texts without secrets.
type supportBundle struct {
	archive *tar.Writer
	secrets *secret.Keeper
	now     time.Time
	names   []string
	missing strings.Builder
	err     error // of writing
}

// add writes a file of what could be collected, and notes what could not.
func (b *supportBundle) add(name string, content []byte, err error) {
	if err != nil {
		fmt.Fprintf(&b.missing, "%s: %v\n", name, err)
	}
	if len(content) == 0 || b.err != nil {
		return
	}
	content = []byte(b.secrets.Clear(string(content)))
	b.names = append(b.names, name)
	b.err = b.archive.WriteHeader(&tar.Header{Name: "backwire-support/" + name, Mode: 0o600, Size: int64(len(content)), ModTime: b.now})
	if b.err == nil {
		_, b.err = b.archive.Write(content)
	}
}

func (sh *shell) fillBundle(ctx context.Context, b *supportBundle) {
	file, fileErr := sh.assignments()
	b.secrets = secret.NewKeeper(config.Secrets(sh.environ, file)...)
	b.add("version.txt", versions(), nil)
	b.add("settings.txt", sh.shownSettings(file), fileErr)
	local, err := config.LoadLocal(sh.environ, file)
	b.add("status.json", nil, err)
	if err == nil {
		sh.addAgent(ctx, b, agent.LocalClient{Local: local})
	}
	unit, err := output(ctx, "systemctl", "show", "backwire.service", "--no-pager",
		"--property=LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,ExecMainStatus,ExecMainStartTimestamp,MemoryCurrent,MemoryMax,TasksCurrent,StatusText,DropInPaths")
	b.add("unit.txt", unit, err)
	journal, err := output(ctx, "journalctl", "--unit=backwire.service", "--lines=2000", "--no-pager", "--output=short-iso")
	b.add("log.txt", journal, err)
	b.add("missing.txt", []byte(b.missing.String()), nil)
}

// addAgent asks the running agent, and the queue.
func (sh *shell) addAgent(ctx context.Context, b *supportBundle, client agent.LocalClient) {
	var text bytes.Buffer
	status, err := client.Status(ctx)
	if err == nil {
		err = writeStatusJSON(&text, shown{agent: &status})
	}
	b.add("status.json", text.Bytes(), err)
	for _, page := range [][2]string{
		{"metrics.txt", "/metrics"}, {"goroutines.txt", "/debug/pprof/goroutine"}, {"heap.pprof", "/debug/pprof/heap"},
	} {
		body, err := client.Page(ctx, page[1])
		b.add(page[0], body, err)
	}
	var list bytes.Buffer
	found, err := queue.Inspect(client.Queue.Dir)
	if err == nil {
		err = writeInspection(&list, found)
	}
	b.add("queue.txt", list.Bytes(), err)
}

// versions are this program's and the system's.
func versions() []byte {
	var text bytes.Buffer
	fmt.Fprintln(&text, readBuild())
	for _, path := range []string{"/proc/version", "/etc/os-release"} {
		if content, err := os.ReadFile(path); err == nil {
			fmt.Fprintf(&text, "\n%s", content)
		}
	}
	return text.Bytes()
}

// shownSettings are what is set, and what is wrong with it.
func (sh *shell) shownSettings(file []config.Assignment) []byte {
	var text bytes.Buffer
	for _, s := range config.Show(sh.environ, file) {
		fmt.Fprintf(&text, "%s=%s", s.Name, s.Value)
		if s.Origin != "" {
			fmt.Fprintf(&text, "  (%s)", s.Origin)
		}
		fmt.Fprintln(&text)
	}
	cfg, err := agent.LoadConfig(sh.environ, file)
	if err != nil {
		fmt.Fprintf(&text, "\n%v\n", err)
		return text.Bytes()
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintf(&text, "\nwarning: %s\n", w)
	}
	return text.Bytes()
}

// output is what one of the system's own programs says.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandWithin)
	defer cancel()
	said, err := exec.CommandContext(ctx, name, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return said, err
}
