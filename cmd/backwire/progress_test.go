package main

import (
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"backwire/remotewrite/receiver"
)

// onTerminal runs the program on a terminal of its own and returns what is to be seen there.
func onTerminal(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	script := needProgram(t, "script")
	line := buildPrograms(t).backwire + " " + strings.Join(args, " ")
	p := start(t, environ, script, "--quiet", "--return", "--command", line, "/dev/null")
	<-p.ended
	if p.err != nil {
		t.Fatalf("%s: %v\n%s", line, p.err, p.output())
	}
	return p.output()
}

// Long work draws a bar on a terminal, and takes it away in the end; elsewhere it draws none.
func TestProgressOnATerminal(t *testing.T) {
	_, environ := fillQueue(t, 60)
	r := receiver.New(receiver.Options{})
	server := httptest.NewServer(r)
	defer server.Close()
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		args []string
		bars []string
	}{
		{[]string{"queue", "verify"}, []string{"verify"}},
		{[]string{"queue", "export", "--to", out}, []string{"export"}},
		{[]string{"queue", "import", out, "--to", server.URL}, []string{"verify", strings.TrimPrefix(server.URL, "http://")}},
	} {
		seen := onTerminal(t, environ, c.args...)
		for _, bar := range c.bars {
			if steps := regexp.MustCompile(regexp.QuoteMeta(bar)+` +[1-9][0-9]?% \|█+ `).FindAllString(seen, -1); len(steps) < 2 {
				t.Errorf("%v draws no bar of %s:\n%q", c.args, bar, seen)
			}
		}
	}
	if _, piped := said(t, environ, "queue", "verify"); strings.Contains(piped, "█") {
		t.Errorf("a bar without a terminal:\n%s", piped)
	}
}
