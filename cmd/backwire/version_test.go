package main

import (
	"strings"
	"testing"
)

func TestVersionSaysTheValidatedModule(t *testing.T) {
	b := build{version: "v1.2.3", revision: "abc", fips: "v1.0.0"}
	if got := b.String(); !strings.HasPrefix(got, "backwire v1.2.3 (revision abc, go1.") || !strings.HasSuffix(got, ", FIPS 140-3 module v1.0.0)") {
		t.Errorf("got %q", got)
	}
	b.fips = ""
	if got := b.String(); strings.Contains(got, "FIPS") {
		t.Errorf("got %q", got)
	}
}

func TestVersionIsAFlagToo(t *testing.T) {
	s := newStand(t)
	_, command, _ := s.execute(t, "version")
	if code, flag, _ := s.execute(t, "--version"); code != exitOK || flag != command || !strings.HasPrefix(flag, "backwire ") {
		t.Errorf("exits with %d and prints %q, want %q", code, flag, command)
	}
}

// The packages are filled from it, so a shell without a script would be missed there only.
func TestCompletionOfEveryShell(t *testing.T) {
	s := newStand(t)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if code, out, _ := s.execute(t, "completion", shell); code != exitOK || !strings.Contains(out, "backwire") {
			t.Errorf("%s: exits with %d and writes %d bytes", shell, code, len(out))
		}
	}
	if code, out, _ := s.execute(t, "__complete", "queue", ""); code != exitOK || !strings.Contains(out, "verify\t") {
		t.Errorf("completes queue with %q", out)
	}
	if code, _, errs := s.execute(t, "completion", "tcsh"); code != exitUsage {
		t.Errorf("an unknown shell: %q", errs)
	}
}
