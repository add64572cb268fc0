package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"backwire/agent/page"
	"backwire/remotewrite/receiver"
	"backwire/source/netbackup/nbusim"
)

var update = flag.Bool("update", false, "write testdata/*.golden, what a person sees of the commands")

// wantTranscript wants a text to be as its file in testdata, and to fit a terminal of 80 columns.
func wantTranscript(t *testing.T, name, got string) {
	t.Helper()
	wantNarrow(t, got)
	wantGolden(t, name, got)
}

func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed: look at it, then go test ./cmd/backwire -run Transcript -update. It is now:\n%s", path, got)
	}
}

// morning is a status of many sites, all of which are well.
func morning(sites int) *page.Status {
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	committed := now.Add(-42 * time.Second)
	s := &page.Status{
		Version: "1.4.0", Started: now.Add(-1000 * time.Hour), Now: now,
		Queue:     page.QueueStatus{Dir: "/var/lib/backwire", Bytes: 311 << 20, MaxBytes: 2 << 30, Segments: 40, Oldest: page.Instant(now.Add(-30 * 24 * time.Hour))},
		Endpoints: []page.EndpointStatus{{Name: "cloud", Protocol: "2.0", Samples: 812_345_678, Lag: 42, Pending: 1204, State: "sending"}},
	}
	for i := range sites {
		s.Sites = append(s.Sites, page.SiteStatus{
			Name: fmt.Sprintf("site-%02d", i+1), State: "up", Version: "11.2", Committed: &committed, Cycles: 60_000, Failed: uint64(i % 3), Missed: uint64(i % 2),
			Collectors: []page.CollectorStatus{
				{Name: "jobs", Success: true, Seconds: 0.31, LastSuccess: &committed},
				{Name: "storage", Success: true, Seconds: 0.12, LastSuccess: &committed},
				{Name: "slos", NotOffered: true, Error: "404 Not Found"},
			},
			Recent: []page.CycleStatus{
				{Tick: now.Add(-43 * time.Second), Seconds: 0.4, Batches: 1, Samples: 4711},
				{Tick: now.Add(-103 * time.Second), Seconds: 0.4, Batches: 1, Samples: 4711},
			},
		})
	}
	return s
}

// troubled is a morning at which two of twenty sites, the disk and one of two endpoints fail.
func troubled() *page.Status {
	s := morning(20)
	down, failing, full := &s.Sites[4], &s.Sites[16], &s.Sites[10]
	down.State, down.Committed = "down", page.Instant(s.Now.Add(-2*time.Hour))
	const refused = "GET https://site-05.example:1556/netbackup/ping: connect: connection refused"
	down.Recent[0].Error = refused
	for i := range down.Collectors[:2] {
		down.Collectors[i].Success, down.Collectors[i].Error = false, refused
	}
	for i, text := range []string{"403 Forbidden: the role lacks View on |MANAGE|JOBS|", "no answer within 30s"} {
		failing.Collectors[i].Success, failing.Collectors[i].Error = false, text
	}
	failing.Collectors = append(failing.Collectors, page.CollectorStatus{Name: "alerts", Error: "unreadable answer"})
	full.ClientsWithoutSeries = 12
	s.Sites[2].Collectors[0].Warning = "2 policies cannot be read: gold, silver"
	s.Sites[2].Collectors[1].Unreadable = 3
	s.Queue.Failures, s.Queue.PendingRecords = 3, 61
	s.Endpoints = append(s.Endpoints, page.EndpointStatus{
		Name: "local", Protocol: "1.0", Samples: 700_000, Pending: 1_900_000, Lag: 7300, State: "paused",
		Paused: "401 Unauthorized: invalid token", Rejected: map[string]uint64{"400": 7},
	})
	return s
}

func board80(t *testing.T, s *page.Status) string {
	t.Helper()
	var out strings.Builder
	if err := writeStatus(&out, shown{agent: s}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTranscriptsOfStatus(t *testing.T) {
	t.Parallel()
	well := board80(t, morning(20))
	wantTranscript(t, "status-20-sites", well)
	if n := strings.Count(well, "\n"); n > 36 {
		t.Errorf("20 sites that are well take %d lines", n)
	}
	wantTranscript(t, "status-failing", board80(t, troubled()))
	one := troubled()
	if err := onlySite(one, "site-17"); err != nil {
		t.Fatal(err)
	}
	wantTranscript(t, "status-one-site", board80(t, one))
	err := onlySite(troubled(), "site-21")
	wantGolden(t, "status-unknown-site", fmt.Sprintln(err))
	down := morning(3)
	down.Down, down.Seen = "the agent is not running", page.Instant(down.Now.Add(-90*time.Minute))
	wantTranscript(t, "status-no-agent", board80(t, down))
	without := morning(1)
	without.Endpoints, without.Unready = nil, "site site-01 has had no cycle yet"
	wantTranscript(t, "status-no-endpoint", board80(t, without))
}

// The sites that fail are the first lines of their table, whatever their order in the configuration, and all of them are named above it.
func TestStatusShowsFailuresFirst(t *testing.T) {
	t.Parallel()
	var first []string
	for line := range strings.Lines(board80(t, troubled())) {
		if strings.HasPrefix(line, "site-") || strings.HasPrefix(line, "local ") || strings.HasPrefix(line, "cloud ") {
			first = append(first, strings.Fields(line)[0])
		}
	}
	if got := strings.Join(first[:4], " "); len(first) != 22 || got != "site-05 site-11 site-17 site-03" || first[20] != "local" {
		t.Errorf("%d lines: %v", len(first), first)
	}
	wantLines(t, board80(t, troubled()), "FAILING: 3 of 20 sites (site-05, site-11, site-17); 1 of 2 endpoints (local); the disk of the queue")
}

func TestStatusFailsWhereASiteIsDown(t *testing.T) {
	t.Parallel()
	if s := morning(20); needsSomebody(s) {
		t.Error("all is well")
	}
	if s := troubled(); !needsSomebody(s) {
		t.Error("a site is down")
	}
	s := morning(20)
	s.Sites[19].State = "down"
	if !needsSomebody(s) {
		t.Error("one site is down")
	}
}

// steady replaces what differs from one run of a check to the next.
func steady(text string) string {
	for pattern, with := range map[string]string{
		`127\.0\.0\.1:\d+`:           "127.0.0.1:1556",
		`\bin [\d.]+(µs|ms|s)\b`:     "in 1ms",
		`within \d+s`:                "within 1s",
		`\d{4}-\d\d-\d\d`:            "2036-11-30",
		`\(\d+ days\)`:               "(3652 days)",
		`/tmp/[^ ]+/(queue|api-key)`: "/var/lib/backwire/$1",
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, with)
	}
	return text
}

func TestTranscriptsOfCheck(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.settings["COLLECT"] = "jobs,storage,policies" // a new collector changes nothing here
	code, stdout, stderr := s.execute(t, "check")
	wantTranscript(t, "check-well", steady(stdout))
	if code != exitOK || stderr != "" {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	s.primary.SetKeys(nbusim.APIKey{Key: nbusim.DefaultKey, Roles: nbusim.NoRoles()})
	s.receiver.Always(&receiver.Answer{Status: 401, Body: "invalid token"})
	code, stdout, _ = s.execute(t, "check")
	wantTranscript(t, "check-failing", steady(stdout))
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
}

// What a command line or a configuration that cannot be meant is told. A terminal wraps these lines, a log keeps them whole.
func TestTranscriptsOfErrors(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	var transcript strings.Builder
	run := func(args string) {
		code, stdout, stderr := s.execute(t, strings.Fields(args)...)
		fmt.Fprintf(&transcript, "$ backwire %s\n%s%sexit code %d\n\n", args, stdout, stderr, code)
	}
	for _, args := range []string{
		"chek", "check --fast", "status --site", "status", "status --user ada", "queue import", "queue ls", "queue export",
		"queue export --to /media/stick/out --since yesterday", "trust",
	} {
		run(args)
	}
	s.settings["INTERVAL"], s.settings["NETBAKUP_SITE"], s.settings["LISTEN"] = "often", "paris", "0.0.0.0:9469"
	s.settings["NETBACKUP_URL"], s.settings["NETBACKUP_API_KEY_FILE"] = "http://primary.example:1556/netbackup", "/does/not/exist"
	run("check")
	wantGolden(t, "errors", steady(transcript.String()))
}
