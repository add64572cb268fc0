package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ask runs trust at a terminal where somebody answers.
func (s *stand) ask(t *testing.T, answers string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	trust := newTrust(&shell{environ: s.environ(), stdout: &out, stderr: &out, stdin: strings.NewReader(answers), interactive: true})
	trust.SetArgs(args)
	trust.SilenceErrors, trust.SilenceUsage = true, true
	trust.SetContext(t.Context())
	err := trust.Execute()
	return out.String(), err
}

// What trust stores is what check needs, and what the server shows is no more than its CA.
func TestTrustAfterAYes(t *testing.T) {
	s := newStand(t)
	path := filepath.Join(s.dir, "trusted.pem")
	s.settings["NETBACKUP_CA_FILE"] = path
	out, err := s.ask(t, "yes\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{s.primary.Fingerprint(), "nbcertcmd -listCACertDetails", "BACKWIRE_NETBACKUP_CA_FILE=" + path} {
		if !strings.Contains(out, want) {
			t.Errorf("said\n%s\nwithout %q", out, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("stored %v, %v, want a file that the service can read", info, err)
	}
	if code, out, errs := s.execute(t, "check"); code != exitOK {
		t.Errorf("check exits with %d\n%s%s", code, out, errs)
	}
}

func TestTrustNeedsAYes(t *testing.T) {
	s := newStand(t)
	path := filepath.Join(s.dir, "trusted.pem")
	for _, answer := range []string{"no\n", "y\n", "\n", ""} {
		_, err := s.ask(t, answer, "--ca-file", path)
		if err == nil || !strings.Contains(err.Error(), "nothing was stored") {
			t.Errorf("answer %q: %v", answer, err)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("something was stored")
	}
}

func TestTrustByFingerprint(t *testing.T) {
	s := newStand(t)
	right := s.primary.Fingerprint()
	path := s.file(t, "trusted.pem", "an old one\n")
	for _, fingerprint := range []string{right, strings.ToLower(right), strings.ReplaceAll(right, ":", ""), "sha256:" + right} {
		code, out, errs := s.execute(t, "trust", s.primary.URL(), "--fingerprint", fingerprint, "--ca-file", path)
		if code != exitOK {
			t.Fatalf("%s: exits with %d\n%s%s", fingerprint, code, out, errs)
		}
	}
	if got, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(string(s.primary.CA())) {
		t.Errorf("stored %q, %v", got, err)
	}
}

func TestTrustRefuses(t *testing.T) {
	s := newStand(t)
	path := s.file(t, "trusted.pem", "an old one\n")
	other := strings.Repeat("AB", 32)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"another's fingerprint": {[]string{s.primary.URL(), "--fingerprint", other}, exitFailed, "the connection is intercepted"},
		"no fingerprint":        {[]string{s.primary.URL(), "--fingerprint", "abc"}, exitUsage, "fingerprint"},
		"nobody to ask":         {[]string{s.primary.URL()}, exitUsage, "--fingerprint"},
		"no https":              {[]string{"http://127.0.0.1:1", "--fingerprint", other}, exitUsage, "https"},
		"no URL":                {[]string{"primary", "--fingerprint", other}, exitUsage, "expected a URL"},
		"two URLs":              {[]string{s.primary.URL(), s.primary.URL(), "--fingerprint", other}, exitUsage, "one argument"},
		"nobody there":          {[]string{"https://127.0.0.1:1/netbackup", "--fingerprint", other}, exitFailed, "127.0.0.1:1"},
		"no such site":          {[]string{"--site", "rome", "--fingerprint", other}, exitFailed, "SITES"},
		"no such directory":     {[]string{"--ca-file", filepath.Join(s.dir, "nowhere", "ca.pem"), "--fingerprint", s.primary.Fingerprint()}, exitFailed, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			// The last --ca-file counts.
			code, _, errs := s.execute(t, append([]string{"trust", "--ca-file", path}, c.args...)...)
			if code != c.code || !strings.Contains(errs, c.says) {
				t.Errorf("exits with %d, want %d; says %q", code, c.code, errs)
			}
			if got, _ := os.ReadFile(path); string(got) != "an old one\n" {
				t.Errorf("stored %q", got)
			}
		})
	}
}
