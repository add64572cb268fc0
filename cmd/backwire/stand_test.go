package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
	"backwire/source/netbackup/nbusim"
)

// stand is a primary server over TLS and a receiver, both in this process, and the settings
// of an agent between them.
type stand struct {
	primary  *nbusim.Server
	receiver *receiver.Receiver
	push     string // the receiver's URL
	dir      string
	settings map[string]string // without the prefix
}

// startReceiver starts a strict receiver and returns its address.
func startReceiver(t testing.TB) (*receiver.Receiver, string) {
	t.Helper()
	r := receiver.New(receiver.Options{Ordered: true})
	push := httptest.NewServer(r)
	t.Cleanup(push.Close)
	return r, push.URL
}

// startSimulator starts a primary server with half an hour behind it.
func startSimulator(t *testing.T, options nbusim.Options) *nbusim.Server {
	t.Helper()
	options.Storage = nbusim.NewEstate(4)
	primary, err := nbusim.New(options)
	if err != nil {
		t.Fatal(err)
	}
	primary.AddHistory(nbusim.Workload{Seed: 3}, 60, 30*time.Minute)
	if err := primary.StartTLS("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = primary.Close() })
	return primary
}

func newStand(t *testing.T) *stand {
	t.Helper()
	primary := startSimulator(t, nbusim.Options{})
	received, push := startReceiver(t)
	s := &stand{primary: primary, receiver: received, push: push + "/api/v1/write", dir: t.TempDir()}
	s.settings = map[string]string{
		"NETBACKUP_URL":          primary.URL(),
		"NETBACKUP_SITE":         "paris",
		"NETBACKUP_API_KEY_FILE": s.file(t, "api-key", nbusim.DefaultKey+"\n"),
		"NETBACKUP_CA_FILE":      s.file(t, "ca.pem", string(primary.CA())),
		"REMOTE_WRITE_URL":       s.push,
		"QUEUE_DIR":              filepath.Join(s.dir, "queue"),
		"BACKFILL":               "1h",
		"LISTEN":                 "",
	}
	return s
}

// file writes a file of the stand and returns its path.
func (s *stand) file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *stand) environ() []string {
	var environ []string
	for name, value := range s.settings {
		environ = append(environ, "BACKWIRE_"+name+"="+value)
	}
	return environ
}

// execute runs a command line as main does.
func (s *stand) execute(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = execute(t.Context(), args, s.environ(), &out, &errs)
	return code, out.String(), errs.String()
}
