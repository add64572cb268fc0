package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
	"backwire/remotewrite/rejected"
	"backwire/source/netbackup/nbusim"
	"backwire/source/openmetrics"
	"backwire/source/probe"
)

// fixture is a primary server, a receiver, and the settings of an agent between them.
type fixture struct {
	primary  *nbusim.Server
	received *receiver.Receiver
	arrived  chan struct{} // one element a request that the receiver has answered, at most one waiting
	environ  []string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	primary, err := nbusim.New(nbusim.Options{Storage: nbusim.NewEstate(3)})
	if err != nil {
		t.Fatal(err)
	}
	if err := primary.StartTLS(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = primary.Close() })
	s := &fixture{primary: primary, received: receiver.New(receiver.Options{}), arrived: make(chan struct{}, 1)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.received.ServeHTTP(w, r)
		select {
		case s.arrived <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, primary.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.environ = []string{
		"BACKWIRE_NETBACKUP_URL=" + primary.URL(), "BACKWIRE_NETBACKUP_SITE=paris",
		"BACKWIRE_NETBACKUP_API_KEY_FILE=" + writeFile(t, nbusim.DefaultKey+"\n"),
		"BACKWIRE_NETBACKUP_CA_FILE=" + authority,
		"BACKWIRE_REMOTE_WRITE_URL=" + server.URL, "BACKWIRE_INTERVAL=1s", "BACKWIRE_BACKFILL=2m", "BACKWIRE_LISTEN=",
		"BACKWIRE_QUEUE_DIR=" + filepath.Join(t.TempDir(), "queue"),
	}
	return s
}

func (s *fixture) agent(t *testing.T, more ...string) *Agent {
	t.Helper()
	a, err := New(mustLoad(t, append(s.environ, more...)...), "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// completed is the sum of the newest values of the counter at the receiver.
func (s *fixture) completed() int64 {
	var sum float64
	for _, series := range s.received.Select("nbu_jobs_completed_total", receiver.Label{Name: "site", Value: "paris"}) {
		sum += series.Points[len(series.Points)-1].V
	}
	return int64(sum)
}

func (s *fixture) truth() int64 {
	var sum int64
	for _, n := range s.primary.Truth().Completed {
		sum += n
	}
	return sum
}

// await runs an agent until the receiver has the truth.
func (s *fixture) await(t *testing.T, a *Agent) {
	t.Helper()
	s.runUntil(t, a, func() bool { return s.completed() == s.truth() })
}

// runUntil runs an agent until the condition holds, which is looked at after each request.
func (s *fixture) runUntil(t *testing.T, a *Agent, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ran := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	go func() { ran <- a.Run(running) }()
	for !holds() && ctx.Err() == nil {
		select {
		case <-s.arrived:
		case <-ctx.Done():
			t.Errorf("not within 30s: received %d completed jobs, the truth is %d", s.completed(), s.truth())
		}
	}
	stop()
	if err := <-ran; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestFromPrimaryToReceiverOverARestart(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.primary.AddHistory(nbusim.Workload{Seed: 1}, 200, 30*time.Second)
	a := s.agent(t)
	s.await(t, a)
	status := a.Status()
	if site := status.Sites[0]; site.State != "up" || site.Commits == 0 || site.Failed != 0 || len(site.Collectors) == 0 {
		t.Errorf("site %+v", site)
	}
	if e := status.Endpoints[0]; e.Samples == 0 || e.Lag != 0 || e.Error != "" || e.Protocol != "2.0" {
		t.Errorf("endpoint %+v", e)
	}
	if q := status.Queue; q.Bytes == 0 || q.Records == 0 || len(q.Losses) != 0 {
		t.Errorf("queue %+v", q)
	}
	for range 5 {
		s.primary.AddJob(nbusim.JobSpec{Life: nbusim.Run(0, time.Millisecond, 0)})
	}
	// Without a backfill the older jobs are known from the queue alone.
	s.await(t, s.agent(t, "BACKWIRE_BACKFILL=0"))
}

func TestPushDeliversOneCycle(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.primary.AddHistory(nbusim.Workload{Seed: 1}, 50, 30*time.Second)
	s.received.Always(&receiver.Answer{Status: http.StatusUnauthorized, Body: "no such user"})
	status, err := s.agent(t).Push(t.Context())
	if err == nil || !strings.Contains(err.Error(), "endpoint default: not delivered; the samples stay in the queue") || !strings.Contains(err.Error(), "no such user") {
		t.Errorf("Push to a receiver that refuses = %v", err)
	}
	if status.Sites[0].Cycles != 1 || status.Sites[0].Commits == 0 || s.completed() != 0 {
		t.Errorf("site %+v, received %d", status.Sites[0], s.completed())
	}
	s.received.Always(nil)
	if _, err := s.agent(t).Push(t.Context()); err != nil {
		t.Errorf("Push again = %v", err)
	}
	if s.completed() != s.truth() {
		t.Errorf("received %d, truth %d", s.completed(), s.truth())
	}
}

// A receiver that refuses everything says nothing of any sample: none is given up, and the push says where they are.
func TestAPushThatIsRefusedAltogetherStaysInTheQueue(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.received.Always(&receiver.Answer{Status: http.StatusBadRequest, Body: "not this one"})
	a := s.agent(t)
	status, err := a.Push(t.Context())
	if err == nil || !strings.Contains(err.Error(), "endpoint default: not delivered; the samples stay in the queue") || !strings.Contains(err.Error(), "not this one") {
		t.Errorf("Push to a receiver that refuses every sample = %v", err)
	}
	for r, err := range rejected.Read(a.config.Queue.Dir) {
		t.Errorf("given up: %+v, %v", r, err)
	}
	if refused := status.Endpoints[0].Rejected; len(refused) > 0 {
		t.Errorf("rejected: %v", refused)
	}
}

func TestOnceShowsWhatASiteKnows(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.primary.AddHistory(nbusim.Workload{Seed: 1}, 50, 30*time.Second)
	a := s.agent(t)
	batches, err := a.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := openmetrics.Write(&text, batches); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`nbu_up{site="paris"} 1 `, "# TYPE nbu_jobs_completed counter", "nbu_storage_unit_capacity_bytes{", "# EOF"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %s", want)
		}
	}
	if len(s.received.Requests()) != 0 {
		t.Error("Once has pushed")
	}
	if _, err := os.Stat(a.config.Queue.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Once has touched the queue: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		settings []string
		bend     func(*fixture)
		want     []string // of the lines that fail: subject, step and words of each
	}{
		"all is well":  {},
		"wrong key":    {settings: []string{"BACKWIRE_NETBACKUP_API_KEY_FILE=", "BACKWIRE_NETBACKUP_API_KEY=" + canary}, want: []string{"site paris", "not authenticated", "check the API key"}},
		"wrong CA":     {settings: []string{"BACKWIRE_NETBACKUP_CA_FILE="}, want: []string{"site paris certificate", "unknown authority", "backwire trust"}},
		"wrong path":   {settings: []string{"BACKWIRE_NETBACKUP_URL="}, want: []string{"site paris", "check the URL"}},
		"proxy's HTML": {bend: func(s *fixture) { s.primary.Inject(nbusim.Fault{Effect: nbusim.ProxyPage()}) }, want: []string{"site paris", "proxy"}},
		"storage fails": {bend: func(s *fixture) {
			s.primary.Inject(nbusim.Fault{Path: "/storage/storage-units", Effect: nbusim.Status(500)})
		}, want: []string{"site paris role storage", "server failed"}},
		"nobody receives": {settings: []string{"BACKWIRE_REMOTE_WRITE_URL=http://127.0.0.1:1/"}, want: []string{"endpoint default route", "127.0.0.1:1"}},
		"receiver's 401":  {bend: func(s *fixture) { s.received.Always(&receiver.Answer{Status: 401, Body: "who?"}) }, want: []string{"endpoint default write", "who?"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFixture(t)
			s.primary.AddJob(nbusim.JobSpec{Life: nbusim.Run(time.Hour, time.Hour, 0)})
			for i := range c.settings {
				if name == "wrong path" {
					c.settings[i] += strings.TrimSuffix(s.primary.URL(), "/netbackup") + "/nowhere"
				}
			}
			if c.bend != nil {
				c.bend(s)
			}
			var failed []string
			for _, f := range s.agent(t, c.settings...).Check(t.Context()) {
				if f.Result == probe.Failed {
					failed = append(failed, fmt.Sprintf("%s %s: %s; %s", f.Subject, f.Step, f.Found, f.Next))
				}
			}
			text := strings.Join(failed, "\n")
			if (len(failed) == 0) != (len(c.want) == 0) {
				t.Errorf("failed:\n%s", text)
			}
			for _, word := range c.want {
				if !strings.Contains(text, word) {
					t.Errorf("no line says %q:\n%s", word, text)
				}
			}
			if strings.Contains(text, canary) || strings.Contains(text, nbusim.DefaultKey) {
				t.Errorf("a line shows a secret:\n%s", text)
			}
		})
	}
}

// A reload makes the new agent while the old one runs; what is wrong with it is said then.
func TestNewRefusesWhileAnotherRuns(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	first := s.agent(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ran := make(chan error, 1)
	go func() { ran <- first.Run(ctx) }()
	<-s.arrived
	notPEM := writeFile(t, "no certificate")
	settings := mustLoad(t, append(s.environ, "BACKWIRE_NETBACKUP_CA_FILE="+notPEM)...)
	if _, err := New(settings, "test", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), notPEM) {
		t.Errorf("New with a CA file that is none = %v", err)
	}
	second := s.agent(t)
	if err := second.Run(ctx); err == nil || !strings.Contains(err.Error(), "only one agent can use a queue") {
		t.Errorf("a second Run beside the first = %v", err)
	}
	stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	third, stopThird := context.WithCancel(t.Context())
	go func() { ran <- second.Run(third) }()
	<-s.arrived
	stopThird()
	if err := <-ran; err != nil {
		t.Errorf("the new agent after the old one ended = %v", err)
	}
}

// Everything that a life logs, at the most talkative level, holds no secret.
func TestLogsHoldNoSecret(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.primary.SetKeys(nbusim.APIKey{Key: canary})
	s.received.Always(&receiver.Answer{Status: http.StatusUnauthorized, Body: "who?"})
	var log lockedBuffer
	settings := mustLoad(t, append(s.environ, "BACKWIRE_NETBACKUP_API_KEY_FILE=", "BACKWIRE_NETBACKUP_API_KEY="+canary,
		"BACKWIRE_REMOTE_WRITE_USERNAME=u", "BACKWIRE_REMOTE_WRITE_PASSWORD="+canary, "BACKWIRE_REMOTE_WRITE_HEADERS=x-key:"+canary)...)
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	logger.Debug("configuration", "config", settings)
	a, err := New(settings, "test", logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	<-s.arrived
	stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Contains(text, canary) || !strings.Contains(text, "who?") {
		t.Errorf("the log shows a secret, or nothing: %s", text)
	}
	if text := fmt.Sprintf("%+v", a.Status()); strings.Contains(text, canary) {
		t.Errorf("the status shows a secret: %s", text)
	}
}

type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
