package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"backwire/agent/page"
	"backwire/remotewrite/receiver"
)

// runAgent runs the stand's agent with a page until it has had its first cycle and sent it; stop ends it.
func runAgent(t *testing.T, s *stand) (stop func()) {
	t.Helper()
	s.settings["LISTEN"] = freePort(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, []string{"run"}, s.environ(), &strings.Builder{}, &strings.Builder{})
	}()
	answers(t, "http://"+s.settings["LISTEN"]+"/-/ready")
	return func() {
		cancel()
		if code := <-ended; code != exitOK {
			t.Errorf("the agent ended with %d", code)
		}
	}
}

func TestStatusOfARunningAgentAndOfItsQueue(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	stop := runAgent(t, s)
	await(t, "delivery", func() error {
		if len(s.receiver.Select("nbu_up")) == 0 {
			return errSaid
		}
		return nil
	})
	code, stdout, stderr := s.execute(t, "status")
	wantLines(t, stdout, "ready", "paris up 11.2", "jobs ok", "storage ok", "CYCLE (UTC)", "of 2.0 GiB in 1 segment", "default ok", "2.0")
	if code != exitOK || stderr != "" {
		t.Errorf("exit code %d, standard error %q", code, stderr)
	}
	code, stdout, _ = s.execute(t, "status", "--json")
	var running page.Status
	if err := json.Unmarshal([]byte(stdout), &running); err != nil || code != exitOK || running.Down != "" || running.Sites[0].State != "up" {
		t.Errorf("exit code %d, %v:\n%s", code, err, stdout)
	}
	stop()

	code, stdout, _ = s.execute(t, "status")
	wantLines(t, stdout, "the agent is not running. The following is read from its queue.", "Last seen", "SITE paris", "default - - 0 -")
	if code != exitFailed {
		t.Errorf("exit code %d without an agent", code)
	}
}

// An endpoint that waits for somebody is told, and with --fail by the exit code too.
func TestStatusFails(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.receiver.Always(&receiver.Answer{Status: 401})
	stop := runAgent(t, s)
	defer stop()
	await(t, "a pause", func() error {
		if _, stdout, _ := s.execute(t, "status"); !strings.Contains(stdout, "PAUSED") {
			return errSaid
		}
		return nil
	})
	for args, want := range map[string]int{"status": exitOK, "status --fail": exitFailed, "status --json --fail": exitFailed} {
		if code, stdout, stderr := s.execute(t, strings.Fields(args)...); code != want || stderr != "" {
			t.Errorf("%s exits with %d, want %d: %s%s", args, code, want, stdout, stderr)
		}
	}
}

// An agent without a page is told from none at all, by its hold on the queue.
func TestStatusOfAnAgentThatShowsNoPage(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	stop := runAgent(t, s)
	defer stop()
	s.settings["LISTEN"] = freePort(t)
	_, stdout, _ := s.execute(t, "status")
	wantLines(t, stdout, "the agent is running (pid", "does not answer", "connection refused")
	s.settings["LISTEN"] = ""
	_, stdout, _ = s.execute(t, "status")
	wantLines(t, stdout, "BACKWIRE_LISTEN is empty")
}

// A guarded page is asked over TLS with the certificate of its own configuration, by a user with a password. Without
// one it is said what is missing.
func TestStatusOfAGuardedPage(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.settings["LISTEN"] = freePort(t)
	certificate, key := clientCertificate(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("sesame"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s.file(t, "page.pem", certificate)
	s.file(t, "page.key", key)
	guard := s.file(t, "web.yml", "tls_server_config: {cert_file: page.pem, key_file: page.key}\nbasic_auth_users: {ada: "+string(hash)+"}\n")
	s.settings["LISTEN_CONFIG_FILE"] = guard
	running := start(t, s.environ(), buildPrograms(t).backwire, "run")
	right, wrong := s.file(t, "right", "sesame\n"), s.file(t, "wrong", "open\n")
	await(t, "the agent has opened its queue", func() error {
		code, stdout, stderr := s.execute(t, "status", "--user", "ada", "--password-file", right)
		if code != exitOK || strings.Contains(stdout, "the queue is not open yet") {
			return errors.New(stdout + stderr)
		}
		return nil
	})
	_, stdout, _ := s.execute(t, "status", "--user", "ada", "--password-file", right)
	wantLines(t, stdout, "backwire", "SITE", "default")
	for want, args := range map[string][]string{
		"its status page needs a password: use --user and --password-file": {"status"},
		"refuses the password in": {"status", "--user", "ada", "--password-file", wrong},
	} {
		code, stdout, _ := s.execute(t, args...)
		wantLines(t, stdout, "the agent is running, but", want, "The following is read from its queue.")
		if code != exitFailed {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
	if code, _, stderr := s.execute(t, "status", "--user", "ada"); code != exitUsage || !strings.Contains(stderr, "password-file") {
		t.Errorf("a user alone: exit code %d, %s", code, stderr)
	}
	another, _ := clientCertificate(t)
	s.file(t, "another.pem", another)
	s.settings["LISTEN_CONFIG_FILE"] = s.file(t, "another.yml", "tls_server_config: {cert_file: another.pem, key_file: page.key}\n")
	_, stdout, _ = s.execute(t, "status", "--user", "ada", "--password-file", right)
	wantLines(t, stdout, "a certificate other than")
	s.settings["LISTEN_CONFIG_FILE"] = ""
	_, stdout, _ = s.execute(t, "status")
	wantLines(t, stdout, "its status page answers 400 Bad Request")
	if err := running.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

func TestStatusCountsRejected(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.receiver.Set(receiver.Options{Poison: func(s *receiver.Series, _ receiver.Point) error {
		if s.Label("__name__") == "nbu_up" {
			return errors.New("not this one")
		}
		return nil
	}})
	if code, _, stderr := s.execute(t, "once", "--push"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	_, stdout, _ := s.execute(t, "status", "--json")
	var got page.Status
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.Down == "" || got.Seen == nil || got.Endpoints[0].Rejected["400"] == 0 || got.Queue.Bytes == 0 {
		t.Errorf("%+v", got)
	}
}

func TestStatusWithoutAQueue(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	code, stdout, stderr := s.execute(t, "status")
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "the agent is not running; and without it") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}

func TestStatusWatchesUntilInterrupted(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	stop := runAgent(t, s)
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out := &boards{wanted: 2, enough: cancel}
	var errs strings.Builder
	code := execute(ctx, []string{"status", "--watch"}, s.environ(), out, &errs)
	if n := out.shown(); code != exitOK || n != 2 {
		t.Errorf("exit code %d, printed %d times: %s", code, n, errs.String())
	}
}

// boards are printed statuses, of which some are enough.
type boards struct {
	printed strings.Builder
	wanted  int
	enough  func()
}

func (b *boards) shown() int { return strings.Count(b.printed.String(), "SITE ") }

func (b *boards) Write(p []byte) (int, error) {
	n, err := b.printed.Write(p)
	if b.shown() >= b.wanted {
		b.enough()
	}
	return n, err
}

// The worst that can be said fits a terminal, too.
func TestStatusIsNarrow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	long := strings.Repeat("long name ", 30)
	s := page.Status{
		Version: "1.2.3", Now: now, Started: now.Add(-1000 * time.Hour), Unhealthy: long,
		Sites: []page.SiteStatus{{
			Name: long, State: "starting", Version: "11.2.0.0.0.1", Committed: &now, Running: &now, Cycles: 123456789, Failed: 99999, Missed: 9999,
			Collectors: []page.CollectorStatus{{Name: long, Error: long, Seconds: 86399}, {Name: "tape", NotOffered: true, LastSuccess: &now}},
			Recent:     []page.CycleStatus{{Tick: now, Seconds: 29.9, Samples: 123456789, Error: long}},
		}},
		Queue: page.QueueStatus{Dir: "/var/lib/backwire", Bytes: 1 << 40, MaxBytes: 2 << 40, Segments: 9999, Failures: 3, PendingRecords: 1e9, Losses: []page.LossStatus{{Endpoint: long, Reason: "max_bytes", Samples: 1e12}}},
		Endpoints: []page.EndpointStatus{
			{Name: long, Protocol: "2.0", Samples: 1e12, Pending: 1e10, Lag: 9e6, Paused: long, Rejected: map[string]uint64{"400": 1e10}},
			{Name: "b", Error: long},
		},
	}
	var out strings.Builder
	if err := writeStatus(&out, shown{agent: &s}); err != nil {
		t.Fatal(err)
	}
	wantNarrow(t, out.String())
	s.Down, s.Seen = long, &now
	out.Reset()
	if err := writeStatus(&out, shown{agent: &s}); err != nil {
		t.Fatal(err)
	}
	wantNarrow(t, out.String())
}

// Nothing is said of a queue and of endpoints that an agent has not opened yet.
func TestStatusOfAnAgentThatStarts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	var out strings.Builder
	if err := writeStatus(&out, shown{agent: &page.Status{Version: "1.2.3", Now: now, Started: now, Unready: "the queue is not open yet"}}); err != nil {
		t.Fatal(err)
	}
	wantLines(t, out.String(), "not ready: the queue is not open yet")
	if strings.Contains(out.String(), "no endpoint") || strings.Contains(out.String(), "QUEUE") {
		t.Errorf("it speaks of what is not known:\n%s", out.String())
	}
}

// wantLines wants each of these, however the columns are spaced.
func wantLines(t *testing.T, text string, want ...string) {
	t.Helper()
	plain := strings.Join(strings.Fields(text), " ")
	for _, words := range want {
		if !strings.Contains(plain, words) {
			t.Errorf("it does not say %q:\n%s", words, text)
		}
	}
	wantNarrow(t, text)
}
