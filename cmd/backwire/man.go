//go:build man

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"backwire/agent/config"
)

// With the tag man the program is another: it writes the manual pages of the real one into a directory. The
// libraries for that are no part of what is shipped. SOURCE_DATE_EPOCH dates the pages.
func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "expected a directory for the manual pages")
		os.Exit(exitUsage)
	}
	if err := writePages(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "manual pages:", err)
		os.Exit(exitFailed)
	}
}

func writePages(dir string) error {
	root := newRoot(&shell{stdout: io.Discard, stderr: io.Discard})
	undated(root)
	options := doc.GenManTreeOptions{Path: dir, CommandSeparator: "-", Header: header("1")}
	if err := doc.GenManTreeFromOpts(root, options); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "backwire.env.5"), settingsPage(), 0o644)
}

func header(section string) *doc.GenManHeader {
	return &doc.GenManHeader{Section: section, Source: "backwire", Manual: "backwire"}
}

// undated leaves out the line that dates the generator and not the page.
func undated(c *cobra.Command) {
	c.DisableAutoGenTag = true
	for _, sub := range c.Commands() {
		undated(sub)
	}
}

// settingsPage is made of the configuration's own words, as its reference is.
func settingsPage() []byte {
	var b bytes.Buffer
	b.WriteString(`% "BACKWIRE.ENV" "5" "" "backwire" "backwire"
# NAME

backwire.env - settings of backwire

# DESCRIPTION

Settings are environment variables. backwire also reads them from /etc/backwire/backwire.env, or the file that --env-file
names, in the syntax of systemd's EnvironmentFile. An environment variable overrides the file. **backwire check** tests the
settings, **backwire reload** applies them to the running agent.

# SETTINGS

`)
	for _, v := range config.Describe() {
		fmt.Fprintf(&b, "**%s**\n: %s%s\n\n", v.Name, escape(v.Description), byDefault(v.Default))
	}
	b.WriteString("# SEE ALSO\n\n**backwire(1)**, **backwire-check(1)**, **systemd.exec(5)**\n")
	return md2man.Render(b.Bytes())
}

func byDefault(value string) string {
	if value == "" {
		return ""
	}
	return " The default is " + value + "."
}

// escape keeps what Markdown would take for a tag.
func escape(text string) string {
	return strings.NewReplacer("_", `\_`, "<", `\<`, ">", `\>`, "*", `\*`).Replace(text)
}
