package main

import (
	"errors"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serviceManager hears what a service tells it, as systemd does.
type serviceManager struct {
	socket *net.UnixConn
	path   string
}

func newServiceManager(t *testing.T) *serviceManager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return &serviceManager{socket, path}
}

// expect reads until a state matches all of the patterns.
func (m *serviceManager) expect(t *testing.T, patterns ...string) {
	t.Helper()
	if err := m.socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	for {
		n, err := m.socket.Read(buffer)
		if err != nil {
			t.Fatalf("waiting for %q: %v", patterns, err)
		}
		missing := false
		for _, pattern := range patterns {
			missing = missing || !regexp.MustCompile(`(?m)^`+pattern+`$`).Match(buffer[:n])
		}
		if !missing {
			return
		}
	}
}

func TestRunTellsTheServiceManager(t *testing.T) {
	s, manager := newStand(t), newServiceManager(t)
	envFile := filepath.Join(s.dir, "backwire.env")
	writeEnvFile(t, envFile, s.environ())
	agent := start(t, []string{"NOTIFY_SOCKET=" + manager.path, "WATCHDOG_USEC=400000"}, buildPrograms(t).backwire, "run", "--env-file", envFile)
	manager.expect(t, "READY=1")
	manager.expect(t, "WATCHDOG=1", `STATUS=sites: 1 of 1 up; queue: [0-9.]+ KiB; default: [0-9].* behind`)

	_ = agent.cmd.Process.Signal(syscall.SIGHUP)
	manager.expect(t, "RELOADING=1", "MONOTONIC_USEC=[0-9]+")
	manager.expect(t, "READY=1", "STATUS=sites: .*")
	manager.expect(t, "WATCHDOG=1")

	writeEnvFile(t, envFile, append(s.environ(), "BACKWIRE_INTERVAL=soon"))
	_ = agent.cmd.Process.Signal(syscall.SIGHUP)
	manager.expect(t, "RELOADING=1")
	manager.expect(t, "READY=1", "STATUS=new configuration refused, the current one stays in use")

	if err := agent.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	manager.expect(t, "STOPPING=1")
}

// Whatever is wrong with the settings, the unit must not start again after it.
func TestRunRefusesAConfiguration(t *testing.T) {
	for name, wrong := range map[string]func(*testing.T, *stand) []string{
		"value": func(_ *testing.T, s *stand) []string {
			s.settings["INTERVAL"] = "soon"
			return nil
		},
		"unknown variable": func(_ *testing.T, s *stand) []string {
			s.settings["INTERVALL"] = "60s"
			return nil
		},
		"file that is not a certificate": func(t *testing.T, s *stand) []string {
			s.settings["NETBACKUP_CA_FILE"] = s.file(t, "not-a-ca.pem", "hello\n")
			return nil
		},
		"env file's syntax": func(t *testing.T, s *stand) []string {
			return []string{"--env-file", s.file(t, "backwire.env", "export A=b\n")}
		},
		"env file that is not there": func(_ *testing.T, s *stand) []string {
			return []string{"--env-file", filepath.Join(s.dir, "nowhere.env")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			args := append([]string{"run"}, wrong(t, s)...)
			agent := start(t, s.environ(), buildPrograms(t).backwire, args...)
			await(t, "the agent ends", func() error {
				select {
				case <-agent.ended:
					return nil
				default:
					return errors.New("it runs")
				}
			})
			if code := agent.cmd.ProcessState.ExitCode(); code != exitRefused || !strings.HasPrefix(agent.output(), "backwire: ") {
				t.Errorf("exit code %d, want %d", code, exitRefused)
			}
		})
	}
}
