package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProgramTellsHowToPointTheAgentToIt(t *testing.T) {
	dir := t.TempDir()
	ca, truth := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "truth.json")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, w := io.Pipe()
	c := command()
	c.SetOut(w)
	c.SetArgs([]string{"--listen", "127.0.0.1:0", "--history", "25", "--jobs-per-minute", "0", "--ca-out", ca, "--truth", truth})
	ended := make(chan error, 1)
	go func() { ended <- c.ExecuteContext(ctx) }()

	lines := bufio.NewScanner(r)
	for _, want := range []string{
		"BACKWIRE_NETBACKUP_URL=https://127.0.0.1:", "BACKWIRE_NETBACKUP_API_KEY=", "BACKWIRE_NETBACKUP_CA_FILE=" + ca,
		"BACKWIRE_NETBACKUP_CA_FINGERPRINT=", "# true counts: https://",
	} {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
			t.Fatalf("got %q, want %q: %v", lines.Text(), want, lines.Err())
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	var got struct{ Jobs int }
	b, err := os.ReadFile(truth)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &got); err != nil || got.Jobs != 25 {
		t.Errorf("the truth has %d jobs: %v", got.Jobs, err)
	}
}

func TestUnknownReleaseIsAnError(t *testing.T) {
	c := command()
	c.SetArgs([]string{"--release", "9.9"})
	if err := c.ExecuteContext(t.Context()); err == nil {
		t.Error("release 9.9 was accepted")
	}
}
