package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"backwire/agent"
	"backwire/agent/config"
	"backwire/agent/page"
	"backwire/remotewrite/send"
	"backwire/source"
)

// watchEvery is how often a watched status is asked for again.
const watchEvery = 2 * time.Second

type statusFlags struct {
	asJSON, watch, fail bool
	user, passwordFile  string
}

func newStatus(sh *shell) *cobra.Command {
	var flags statusFlags
	status := &cobra.Command{
		Use:   "status",
		Short: "Show the state of the agent on this host",
		Long: `status shows the sites, collectors, cycles, queue and endpoints of the running agent. If no
agent answers, it reads the queue instead, and says so and when the agent last wrote to it. It
exits with 1 if no agent answers or the agent is unhealthy, and with --fail also if it is not
ready or an endpoint is paused, refuses everything or is stuck. If the status page needs a
password, use --user and --password-file.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.status(cmd.Context(), flags) },
	}
	status.Flags().BoolVar(&flags.asJSON, "json", false, "print one JSON object, the same as /status.json")
	status.Flags().BoolVar(&flags.watch, "watch", false, "refresh every 2 seconds, until interrupted")
	status.Flags().BoolVar(&flags.fail, "fail", false, "also exit with 1 if the agent is not ready or an endpoint is paused, refuses everything or is stuck")
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
		if err != nil {
			return err
		}
		if flags.watch {
			sh.clear()
		}
		if err := write(sh.stdout, &s); err != nil {
			return err
		}
		switch {
		case flags.watch && wait(ctx, watchEvery):
			continue
		case s.Down != "" || s.Unhealthy != "" || flags.fail && needsSomebody(&s):
			return errSaid
		}
		return nil
	}
}

// needsSomebody says that the agent is not ready, or an endpoint does not go on by itself.
func needsSomebody(s *page.Status) bool {
	return s.Unready != "" || slices.ContainsFunc(s.Endpoints, func(e page.EndpointStatus) bool { return e.Stuck() })
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

func writeStatusJSON(w io.Writer, s *page.Status) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(s)
}

// board is a status as a person reads it, in at most 80 columns.
type board struct {
	strings.Builder
	now time.Time
}

func writeStatus(w io.Writer, s *page.Status) error {
	b := &board{now: s.Now}
	b.head(s)
	if s.Down != "" || s.Queue.Dir != "" { // what an agent has not opened yet, or waits for, is not known
		b.sites(s)
		b.queue(&s.Queue)
		b.endpoints(s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (b *board) line(format string, args ...any) {
	text := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	above := len(text) - len(strings.TrimLeft(text, "\n")) // empty lines that the format begins with
	b.WriteString(text[:above] + source.Printable(text[above:]) + "\n")
}

// under writes what is wrong below the line that it belongs to.
func (b *board) under(indent int, text string) {
	for _, line := range wrap(text, 80-indent) {
		b.line("%*s%s", indent, "", line)
	}
}

func (b *board) head(s *page.Status) {
	if s.Down != "" {
		b.under(0, s.Down+". The following is read from its queue.")
		if s.Seen != nil {
			b.line("Last seen %s ago, on %s.", b.ago(s.Seen), s.Seen.UTC().Format("2006-01-02 15:04:05 UTC"))
		} else {
			b.line("The queue is empty.")
		}
		return
	}
	state := "ready"
	switch {
	case s.Unhealthy != "":
		state = "UNHEALTHY: " + s.Unhealthy
	case s.Unready != "":
		state = "not ready: " + s.Unready
	}
	b.under(0, fmt.Sprintf("backwire %s, up %s, %s", s.Version, page.Roughly(s.Now.Sub(s.Started)), state))
}

func (b *board) sites(s *page.Status) {
	if s.Down != "" {
		for i := range s.Sites {
			b.line("\nSITE  %s", clip(s.Sites[i].Name, 70))
		}
		return
	}
	for i := range s.Sites {
		b.site(&s.Sites[i])
	}
}

func (b *board) site(s *page.SiteStatus) {
	const form = "%-22s %-9s %-10s %10s %8s %8s %6s"
	b.line("\n"+form, "SITE", "STATE", "NETBACKUP", "COMMITTED", "CYCLES", "FAILED", "MISSED")
	b.line(form, clip(s.Name, 22), s.State, clip(dash(s.Version), 10), b.ago(s.Committed), count(s.Cycles), count(s.Failed), count(s.Missed))
	b.overCaps(s)
	b.collectors(s.Collectors)
	b.cycles(s)
}

// overCaps says who has no series of their own.
func (b *board) overCaps(s *page.SiteStatus) {
	if n := s.ClientsWithoutSeries; n > 0 {
		b.under(2, "NOT WATCHED: "+count(uint64(n))+" client and policy pairs have no series of their own, so no alert can fire for them. Raise BACKWIRE_NETBACKUP_MAX_CLIENT_SERIES.")
	}
	if n := s.PoliciesWithoutSeries; n > 0 {
		b.under(2, count(uint64(n))+" policies have no counters of their own: their jobs are counted under \"(other policies)\". Raise BACKWIRE_NETBACKUP_MAX_JOB_SERIES.")
	}
}

func (b *board) collectors(collectors []page.CollectorStatus) {
	if len(collectors) == 0 {
		return
	}
	const form = "  %-26s %-14s %10s %14s"
	b.line(form, "COLLECTOR", "RESULT", "TOOK", "LAST SUCCESS")
	for i := range collectors {
		c := &collectors[i]
		result := "FAILED"
		switch {
		case c.Success:
			result = "ok"
		case c.NotOffered:
			result = "not offered"
		}
		b.line(form, clip(c.Name, 26), result, seconds(c.Seconds), b.ago(c.LastSuccess))
		if c.Error != "" && !c.NotOffered {
			b.under(6, c.Error)
		}
		if c.Unreadable > 0 {
			b.under(6, count(c.Unreadable)+" rows could not be read and are left out; the log shows the first")
		}
		if c.Warning != "" {
			b.under(6, c.Warning)
		}
	}
}

// shownCycles is how many of the last cycles are listed.
const shownCycles = 5

func (b *board) cycles(s *page.SiteStatus) {
	if s.Running != nil {
		b.line("  a cycle has been running for %s", b.ago(s.Running))
	}
	if len(s.Recent) == 0 {
		return
	}
	const form = "  %-26s %-14s %10s %14s"
	b.line(form, "CYCLE (UTC)", "RESULT", "TOOK", "SAMPLES")
	for _, c := range s.Recent[:min(shownCycles, len(s.Recent))] {
		result := "ok"
		if c.Error != "" {
			result = "FAILED"
		}
		b.line(form, c.Tick.UTC().Format(time.DateTime), result, seconds(c.Seconds), count(uint64(c.Samples)))
		if c.Error != "" {
			b.under(6, c.Error)
		}
	}
}

func (b *board) queue(q *page.QueueStatus) {
	b.line("\nQUEUE  %s", q.Dir)
	oldest := ""
	if q.Oldest != nil {
		oldest = "; oldest record " + b.ago(q.Oldest) + " old"
	}
	b.under(2, fmt.Sprintf("%s of %s in %s%s", page.ReadableSize(q.Bytes), page.ReadableSize(q.MaxBytes), plural(q.Segments, "segment"), oldest))
	if q.Failures > 0 {
		b.under(2, fmt.Sprintf("CANNOT WRITE TO DISK: %s records are in memory only", count(q.PendingRecords)))
	}
	for _, l := range q.Losses {
		whose := ""
		if l.Endpoint != "" {
			whose = " for " + l.Endpoint
		}
		b.under(2, fmt.Sprintf("%s samples lost%s: %s", count(l.Samples), whose, l.Reason))
	}
}

func (b *board) endpoints(s *page.Status) {
	if len(s.Endpoints) == 0 {
		b.line("\nno endpoint is configured: samples stay in the queue")
		return
	}
	const form = "%-22s %-9s %8s %10s %11s %9s %5s"
	b.line("\n"+form, "ENDPOINT", "STATE", "LAG", "PENDING", "SENT", "REJECTED", "PROTO")
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		state, lag, sent := "ok", seconds(e.Lag), count(e.Samples)
		switch {
		case e.State == string(send.StateRefusing):
			state = "REFUSING"
		case e.Paused != "":
			state = "PAUSED"
		case e.Stuck():
			state = "STUCK"
		case e.Error != "":
			state = "RETRYING"
		case e.Past > 0:
			state = "catching"
		}
		if s.Down != "" {
			state, lag, sent = "-", "-", "-"
		}
		b.line(form, clip(e.Name, 22), state, lag, count(e.Pending), sent, count(sum(e.Rejected)), clip(dash(e.Protocol), 5))
		if why := cmp.Or(e.Paused, e.Error); why != "" {
			b.under(6, why)
		}
		if e.TooLate > 0 {
			b.under(6, "the receiver refuses what is older than "+seconds(e.Window)+": an outage longer than that loses samples; set out_of_order_time_window")
		}
		if n := e.Dropped["too_old_for_receiver"]; n > 0 {
			b.under(6, count(n)+" samples were older than that: they were not sent, and are kept with the rejected ones up to a limit")
		}
		if e.Past > 0 && e.Error == "" && s.Down == "" {
			b.under(6, e.Condition())
		}
		if e.Parked > 0 {
			b.under(6, count(uint64(e.Parked))+" samples are parked: the receiver fails on them but accepts others; backwire sends them again for a day")
		}
	}
}

func (b *board) ago(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return page.Roughly(max(b.now.Sub(*t), 0))
}

func seconds(s float64) string { return page.Roughly(time.Duration(s * float64(time.Second))) }

// plural is a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

func dash(s string) string { return cmp.Or(s, "-") }

// count is a number in few columns: from a million on it is shortened.
func count(n uint64) string {
	const million = 1_000_000
	switch {
	case n >= 1000*million:
		return fmt.Sprintf("%.1fG", float64(n)/(1000*million))
	case n >= million:
		return fmt.Sprintf("%.1fM", float64(n)/million)
	}
	return strconv.FormatUint(n, 10)
}

// clip cuts a name to so many columns.
func clip(s string, columns int) string {
	runes := []rune(s)
	if len(runes) <= columns {
		return s
	}
	return string(runes[:columns-1]) + "…"
}
