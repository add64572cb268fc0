package packagetest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// part is how much was asked for: nothing, "bounded" or "all".
func part() string { return os.Getenv("BACKWIRE_TEST_PACKAGES") }

// bounded begins a test that the gate has time for.
func bounded(t *testing.T, tools ...string) {
	t.Helper()
	if part() == "" {
		t.Skip("left out: it installs packages on booted systems as root; make test-packages runs it")
	}
	need(t, tools...)
}

// full begins a test that the gate leaves out for a reason.
func full(t *testing.T, reason string, tools ...string) {
	t.Helper()
	if part() != "all" {
		t.Skipf("left out: %s; make test-packages runs it", reason)
	}
	need(t, tools...)
}

// need leaves the test out where the machine cannot run it, unless everything is required.
func need(t *testing.T, tools ...string) {
	t.Helper()
	missing := ""
	if os.Geteuid() != 0 {
		missing = "root"
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing = tool
		}
	}
	if missing == "" {
		return
	}
	if os.Getenv("BACKWIRE_TEST_REQUIRE") == "all" {
		t.Fatalf("%s is required and missing", missing)
	}
	t.Skipf("left out: it needs %s", missing)
}

// patience bounds every wait for another system; a test that works waits much less.
const patience = 90 * time.Second

// await waits until the condition holds and says what is missing if it never does.
func await(t *testing.T, what string, condition func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
	}
}
