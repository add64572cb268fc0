package main

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	medium "backwire/remotewrite/hostile"
	"backwire/remotewrite/receiver"
)

// measured runs a program to its end and returns its exit code, what it printed, and the most memory that it had at a time, in
// bytes. Linux counts to a program what its parent had when it was started, so that a shell starts it and leaves it
// behind to this process.
func measured(t *testing.T, path string, args ...string) (code int, out string, peak int64) {
	t.Helper()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	said := filepath.Join(t.TempDir(), "said")
	shell := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `"$@" >"$0" 2>&1 & echo $!`, said, path}, args...)...)
	shell.Env = slices.DeleteFunc(shell.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "BACKWIRE_") || strings.HasPrefix(v, "GO")
	})
	printed, err := shell.Output()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(printed)))
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	defer late.Stop()
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		_, err = syscall.Wait4(pid, &status, 0, &usage)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(said)
	if err != nil {
		t.Fatal(err)
	}
	return status.ExitStatus(), string(text), usage.Maxrss << 10
}

// Whatever lies on a medium, the program that is shipped stays small, delivers nothing of it and says why.
func TestImportsOfHostileBundlesTakeLittleMemory(t *testing.T) {
	onlyInFull(t)
	const limit = 64 << 20
	program := buildPrograms(t).backwire
	for _, bundle := range medium.Bundles() {
		t.Run(bundle.Name, func(t *testing.T) {
			r := receiver.New(receiver.Options{})
			server := httptest.NewServer(r)
			defer server.Close()
			dir := filepath.Join(t.TempDir(), "bundle")
			if err := bundle.Write(dir); err != nil {
				t.Fatal(err)
			}
			code, out, peak := measured(t, program, "queue", "import", dir, "--to", server.URL)
			t.Logf("peak RSS %.1f MiB, exit code %d: %s", float64(peak)/(1<<20), code, out)
			if peak > limit || peak == 0 {
				t.Errorf("peak RSS is %d bytes, want at most %d", peak, limit)
			}
			if code != exitFailed || !strings.Contains(out, "backwire: ") || !strings.Contains(out, dir) {
				t.Errorf("exit code %d, and it does not say what is refused", code)
			}
			for _, s := range data(r) {
				if s.Label("__name__") == "m" { // as all are called in these bundles
					t.Errorf("samples were delivered: %v", s)
				}
			}
		})
	}
}
