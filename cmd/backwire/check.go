package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"backwire/agent"
	"backwire/source"
	"backwire/source/probe"
)

// checkWithin limits the time of a check, because somebody waits at a terminal.
const checkWithin = 2 * time.Minute

func newCheck(sh *shell) *cobra.Command {
	var asJSON bool
	check := &cobra.Command{
		Use:   "check",
		Short: "Test every setting and say how to fix what fails",
		Long: `check loads the configuration and tests it. For each site it tests the host name, the connection,
the certificate, the API version, both clocks, the credential and one page of each collector,
which shows whether the role is sufficient. For each endpoint it tests the host name, the
connection and the certificate, and sends one sample of backwire_check_timestamp_seconds; a
receiver of remote write 2.0 confirms that it stored the sample. check needs no running agent
and changes nothing else. It exits with 1 if a check fails. --json prints one JSON object.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.check(cmd.Context(), asJSON) },
	}
	check.Flags().BoolVar(&asJSON, "json", false, "print one JSON object with every check")
	return check
}

func (sh *shell) check(ctx context.Context, asJSON bool) error {
	cfg, err := sh.config()
	if err != nil {
		return err
	}
	// The findings report what fails; the log would repeat it.
	a, err := agent.New(cfg, readBuild().version, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	d := diagnosis{Version: readBuild().version, Warnings: cfg.Warnings, Findings: a.Check(ctx)}
	for _, f := range d.Findings {
		if f.Result == probe.Failed {
			d.Failed++
		}
	}
	write := d.write
	if asJSON {
		write = d.writeJSON
	}
	if err := write(sh.stdout); err != nil {
		return err
	}
	if d.Failed > 0 {
		return errSaid
	}
	return nil
}

// diagnosis is what a check found. Its JSON form is for machines and only ever gains fields.
type diagnosis struct {
	Version  string          `json:"version"`
	Failed   int             `json:"failed"`   // findings with the result "failed"
	Warnings []string        `json:"warnings"` // of the configuration
	Findings []probe.Finding `json:"findings"`
}

func (d diagnosis) writeJSON(w io.Writer) error {
	d.Warnings = append([]string{}, d.Warnings...) // an empty list rather than null
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(d)
}

// The columns of the table; what does not fit is wrapped within the last.
const (
	columnResult = 9
	columnStep   = 22
	columnText   = 80 - columnResult - columnStep
)

func (d diagnosis) write(w io.Writer) error {
	var text strings.Builder
	text.WriteString("Configuration OK\n")
	for _, warning := range d.Warnings {
		row(&text, "warning", "settings", warning)
	}
	subject := ""
	for _, f := range d.Findings {
		if f.Subject != subject {
			subject = f.Subject
			fmt.Fprintf(&text, "\n%s\n", subject)
		}
		writeFinding(&text, f)
	}
	if d.Failed > 0 {
		fmt.Fprintf(&text, "\n%d of %d checks failed\n", d.Failed, len(d.Findings))
	} else {
		fmt.Fprintf(&text, "\nAll %d checks passed\n", len(d.Findings))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// writeFinding says what was tried only where it did not work: that is where it matters.
func writeFinding(w *strings.Builder, f probe.Finding) {
	result := string(f.Result)
	if f.Result == probe.Failed {
		result = "FAILED"
		row(w, result, f.Step, f.Tried)
		row(w, "", "  answer", f.Found)
	} else {
		row(w, result, f.Step, f.Found)
	}
	if f.Next != "" {
		row(w, "", "  what to do", f.Next)
	}
	if f.Command != "" {
		fmt.Fprintf(w, "%*s$ %s\n", columnResult+2, "", f.Command) // in one piece, to be copied
	}
}

// row writes one line of the table, or several where the text is longer.
func row(w *strings.Builder, result, step, text string) {
	for i, line := range wrap(text, columnText) {
		if i > 0 {
			result, step = "", ""
		}
		fmt.Fprintf(w, "%-*s%-*s%s\n", columnResult, result, columnStep, step, source.Printable(line))
	}
}

// wrap breaks a text between words. A word that is longer than a line has one of its own, unbroken: it
// is an address or a command, and somebody may want to copy it.
func wrap(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
