package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"backwire/remotewrite/receiver"
)

// digHole puts a hole of a terabyte behind a queue's newest segment: nobody knows what is in it before all of it is read, which
// takes minutes.
func digHole(t *testing.T, dir string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("no segment in %s, %v", dir, err)
	}
	if err := os.Truncate(slices.Max(segments), 1<<40); err != nil {
		t.Fatal(err)
	}
}

// hasRead waits until a program has read so many bytes.
func hasRead(t *testing.T, p *process, least uint64) {
	t.Helper()
	await(t, "reading", func() error {
		counters, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.cmd.Process.Pid))
		if err != nil {
			return err
		}
		var read uint64
		if _, err := fmt.Sscanf(string(counters), "rchar: %d", &read); err != nil || read < least {
			return fmt.Errorf("%d bytes are read, %w", read, err)
		}
		return nil
	})
}

// interrupted sends one SIGINT and wants the program to end by itself, with an exit code of its own.
func interrupted(t *testing.T, p *process, words ...string) {
	t.Helper()
	err := p.end(syscall.SIGINT)
	ended, ok := errors.AsType[*exec.ExitError](err)
	if !ok || ended.ExitCode() != exitFailed {
		t.Fatalf("after SIGINT it ended with %v", err)
	}
	for _, want := range append(words, "interrupted") {
		if !strings.Contains(p.output(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

func TestQueueVerifyObeysAnInterrupt(t *testing.T) {
	dir, environ := fillQueue(t, 60)
	digHole(t, dir)
	p := start(t, environ, buildPrograms(t).backwire, "queue", "verify")
	hasRead(t, p, 16<<20)
	interrupted(t, p)
}

func TestQueueExportObeysAnInterrupt(t *testing.T) {
	dir, environ := fillQueue(t, 60)
	digHole(t, dir)
	to := filepath.Join(t.TempDir(), "out")
	p := start(t, environ, buildPrograms(t).backwire, "queue", "export", "--to", to)
	hasRead(t, p, 16<<20)
	interrupted(t, p)
	if left := tree(t, to); len(left) != 0 {
		t.Errorf("%d files are left behind", len(left))
	}
}

// A receiver that took the first bundle and does not answer to the second.
func TestQueueImportObeysAnInterrupt(t *testing.T) {
	_, environ := fillQueue(t, 60)
	medium := t.TempDir()
	for _, name := range []string{"first", "second"} {
		if code, out := said(t, environ, "queue", "export", "--to", filepath.Join(medium, name)); code != exitOK {
			t.Fatalf("export, exit code %d:\n%s", code, out)
		}
	}
	r := receiver.New(receiver.Options{})
	asked, over := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if held(r) < 1200 {
			r.ServeHTTP(w, request)
			return
		}
		asked <- struct{}{}
		<-over
	}))
	defer server.Close()
	defer close(over)
	p := start(t, nil, buildPrograms(t).backwire, "queue", "import", medium, "--to", server.URL)
	select {
	case <-asked:
	case <-p.ended:
		t.Fatal("it ended by itself")
	}
	interrupted(t, p, "1200 samples delivered", "0 samples delivered", "again to send the rest")
}
