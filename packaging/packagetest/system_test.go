package packagetest

import (
	"fmt"
	"strings"
	"testing"
)

// system is a booted Debian, however it was booted.
type system struct {
	t *testing.T
	// shell runs a script as root and returns what it printed.
	shell func(script string) (string, error)
}

// run fails the test if the script fails.
func (s *system) run(script string) string {
	s.t.Helper()
	out, err := s.shell(script)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// refuse fails the test if the script does not fail, and returns what it printed.
func (s *system) refuse(script string) string {
	s.t.Helper()
	out, err := s.shell(script)
	if err == nil {
		s.t.Fatalf("%s: was to fail and did not\n%s", script, out)
	}
	return out
}

// says fails the test if the script prints something else, whatever its exit code.
func (s *system) says(script, want string) {
	s.t.Helper()
	out, err := s.shell(script)
	if got := strings.TrimSpace(out); got != want {
		s.t.Fatalf("%s: %q, want %q (%v)", script, got, want, err)
	}
}

// property is one of the service, as systemd tells it.
func (s *system) property(name string) string {
	s.t.Helper()
	out := s.run("systemctl show backwire -p " + name)
	return strings.TrimPrefix(strings.TrimSpace(out), name+"=")
}

// state fails the test unless the service is as given: "active enabled".
func (s *system) state(want string) {
	s.t.Helper()
	active, _ := s.shell("systemctl is-active backwire")
	enabled, _ := s.shell("systemctl is-enabled backwire 2>&1")
	if got := strings.TrimSpace(active) + " " + strings.TrimSpace(enabled); got != want {
		s.t.Fatalf("the service is %s, want %s\n%s", got, want, s.journal())
	}
}

// isNew is what holds after a first install, which said out: the next steps are told, nothing runs.
func (s *system) isNew(out string) {
	s.t.Helper()
	for _, step := range []string{"backwire trust", "backwire.env", "backwire check", "enable --now backwire"} {
		if !strings.Contains(out, step) {
			s.t.Errorf("the install does not say %q:\n%s", step, out)
		}
	}
	s.state("inactive disabled")
	s.says("stat -c '%a %U:%G' /etc/backwire /etc/backwire/backwire.env", "750 root:backwire\n640 root:backwire")
}

// keepsState changes the version there and back under a service in every state, and finds it in the same.
func (s *system) keepsState(there, back string) {
	s.t.Helper()
	for _, was := range []struct{ made, state string }{
		{"systemctl stop backwire", "inactive enabled"},
		{"systemctl disable backwire", "inactive disabled"},
		{"systemctl mask backwire", "inactive masked"},
		{"systemctl unmask backwire && systemctl start backwire", "active disabled"},
		{"systemctl enable backwire", "active enabled"},
	} {
		s.run(was.made)
		s.state(was.state)
		s.run(there)
		s.state(was.state)
		s.run(back)
		s.state(was.state)
	}
}

// becomes waits for a property's value.
func (s *system) becomes(name, want string) {
	s.t.Helper()
	await(s.t, name+"="+want, func() error {
		if got := s.property(name); got != want {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

func (s *system) journal() string {
	out, err := s.shell("journalctl -u backwire --no-pager -n 60 2>&1")
	if err != nil {
		return err.Error()
	}
	return out
}
