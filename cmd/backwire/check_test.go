package main

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"backwire/remotewrite/receiver"
	"backwire/source/netbackup/nbusim"
)

// What an administrator gets wrong, each told in one line that says what to do.
func TestCheckNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bend func(*testing.T, *stand)
		want [][]string // of each line that fails: its subject and step, then words of it
	}{
		"wrong key": {
			func(t *testing.T, s *stand) {
				s.settings["NETBACKUP_API_KEY_FILE"] = s.file(t, "wrong-key", "wrong")
			},
			[][]string{{"site paris login", "not authenticated", "is the API key right, and not expired?"}},
		},
		"wrong CA": {
			func(t *testing.T, s *stand) {
				s.settings["NETBACKUP_CA_FILE"] = s.file(t, "other.pem", string(otherPrimary(t).CA()))
			},
			[][]string{{"site paris ping", "server not trusted", "comes from another CA"}},
		},
		"wrong fingerprint": {
			func(t *testing.T, s *stand) {
				s.settings["NETBACKUP_CA_FILE"] = ""
				s.settings["NETBACKUP_CA_FINGERPRINT"] = otherPrimary(t).Fingerprint()
			},
			[][]string{{"site paris ping", "is pinned", "compare CA_FINGERPRINT"}},
		},
		"wrong path": {
			func(_ *testing.T, s *stand) { s.settings["NETBACKUP_URL"] += "/api" },
			[][]string{{"site paris ping", "404", "is the URL right, with /netbackup at its end?"}},
		},
		"a proxy's HTML": {
			func(_ *testing.T, s *stand) { s.primary.Inject(nbusim.Fault{Effect: nbusim.ProxyPage()}) },
			[][]string{{"site paris ping", "not readable", "does a proxy or a login page answer"}},
		},
		"primary server down": {
			func(_ *testing.T, s *stand) { _ = s.primary.Close() },
			[][]string{{"site paris ping", "connection refused", "are NetBackup's services up?"}},
		},
		"no role": {
			func(_ *testing.T, s *stand) {
				s.primary.SetKeys(nbusim.APIKey{Key: nbusim.DefaultKey, Roles: nbusim.NoRoles()})
			},
			[][]string{
				{"site paris storage", "200 with an empty list", "View permission on |STORAGE|STORAGE-UNITS|"},
				{"site paris jobs", "200 with an empty list", "View permission on |MANAGE|JOBS|"},
			},
		},
		"role refused": {
			func(_ *testing.T, s *stand) {
				s.primary.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Status(http.StatusForbidden)})
			},
			[][]string{{"site paris jobs", "403", "View permission on |MANAGE|JOBS|"}},
		},
		"endpoint 401": {
			func(_ *testing.T, s *stand) { s.receiver.Always(&receiver.Answer{Status: 401, Body: "invalid\ntoken"}) },
			[][]string{{"endpoint default empty write", "401 Unauthorized: invalid token", "are USERNAME and PASSWORD_FILE"}},
		},
		"endpoint 404": {
			func(_ *testing.T, s *stand) { s.receiver.Always(&receiver.Answer{Status: 404}) },
			[][]string{{"endpoint default empty write", "404 Not Found", "is the path right?"}},
		},
		"endpoint unreachable": {
			func(t *testing.T, s *stand) {
				s.settings["REMOTE_WRITE_URL"] = "http://" + freePort(t) + "/api/v1/push"
			},
			[][]string{{"endpoint default empty write", "connection refused", "is the receiver up?"}},
		},
		"a proxy's HTML before the endpoint": {
			func(_ *testing.T, s *stand) {
				s.receiver.Always(&receiver.Answer{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>"})
			},
			[][]string{{"endpoint default empty write", "page of HTML", "does a proxy or a login page answer"}},
		},
		"both sides": {
			func(_ *testing.T, s *stand) {
				_ = s.primary.Close()
				s.receiver.Always(&receiver.Answer{Status: 503})
			},
			[][]string{{"site paris ping", "connection refused"}, {"endpoint default empty write", "503", "its own log says why"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			c.bend(t, s)
			code, stdout, stderr := s.execute(t, "check")
			if code != exitFailed || stderr != "" {
				t.Errorf("exit code %d, standard error %q", code, stderr)
			}
			wantFailures(t, stdout, c.want)
		})
	}
}

func otherPrimary(t *testing.T) *nbusim.Server {
	t.Helper()
	s, err := nbusim.New(nbusim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantFailures wants exactly these lines to have failed.
func wantFailures(t *testing.T, stdout string, want [][]string) {
	t.Helper()
	var failed []string
	for line := range strings.Lines(stdout) {
		if strings.Contains(line, "  FAILED  ") {
			failed = append(failed, strings.Join(strings.Fields(line), " "))
		}
	}
	if len(failed) != len(want) {
		t.Fatalf("%d lines failed, want %d:\n%s", len(failed), len(want), stdout)
	}
	for i, words := range want {
		if !strings.HasPrefix(failed[i], words[0]) {
			t.Errorf("line %q is not about %q", failed[i], words[0])
		}
		for _, word := range words[1:] {
			if !strings.Contains(failed[i], word) {
				t.Errorf("line %q lacks %q", failed[i], word)
			}
		}
	}
	if strings.Contains(stdout, nbusim.DefaultKey) {
		t.Errorf("a secret is shown:\n%s", stdout)
	}
}

func TestCheckIsWell(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	code, stdout, stderr := s.execute(t, "check")
	if code != exitOK || stderr != "" {
		t.Errorf("exit code %d, standard error %q", code, stderr)
	}
	wantFailures(t, stdout, nil)
	for _, line := range []string{
		"configuration is well; sites: 1, endpoints: 1",
		"site paris ping ok", "site paris login ok", "site paris storage ok", "site paris disk_pools ok",
		"site paris storage_servers ok", "site paris jobs ok", "endpoint default empty write ok",
	} {
		if !strings.Contains(strings.Join(strings.Fields(stdout), " "), line) {
			t.Errorf("there is no line %q:\n%s", line, stdout)
		}
	}
	if len(s.receiver.Series()) != 0 || s.primary.Sessions() != 0 {
		t.Error("the check has left something behind")
	}
	if _, err := os.Stat(s.settings["QUEUE_DIR"]); err == nil {
		t.Error("the check has made a queue")
	}
}

// A key that sees everything else may lack one role, which leaves out what it is for.
func TestCheckTellsOptionalRole(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.primary.SetKeys(nbusim.APIKey{Key: nbusim.DefaultKey, Roles: nbusim.Roles{nbusim.NamespaceJobs, nbusim.NamespaceStorageUnits}})
	code, stdout, _ := s.execute(t, "check")
	if code != exitOK || !strings.Contains(stdout, "it needs View on |STORAGE|DISK-POOLS|") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
}

// All that is wrong is said at once, and no command goes on with it.
func TestWrongConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"check"}, {"run"}, {"once"}, {"reload"}} {
		s := newStand(t)
		s.settings["INTERVAL"] = "often"
		s.settings["NETBACKUP_URL"] = "http://primary.example:1556/netbackup"
		s.settings["NETBACKUP_API_KEY_FILE"] = "/does/not/exist"
		s.settings["REMOTE_WRITE_PROTOCOL"] = "3.0"
		s.settings["NETBAKUP_SITE"] = "paris"
		code, stdout, stderr := s.execute(t, command...)
		if code != exitRefused || stdout != "" {
			t.Errorf("%v: exit code %d, standard output %q", command, code, stdout)
		}
		for _, variable := range []string{
			`BACKWIRE_INTERVAL="often"`, "BACKWIRE_NETBACKUP_URL=", "BACKWIRE_NETBACKUP_API_KEY_FILE=", `BACKWIRE_REMOTE_WRITE_PROTOCOL="3.0"`, "BACKWIRE_NETBAKUP_SITE",
		} {
			if strings.Count(stderr, variable) != 1 {
				t.Errorf("%v: %s is not named once:\n%s", command, variable, stderr)
			}
		}
	}
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"unknown flag: --fast":                      {"check", "--fast"},
		`"backwire check" takes no argument "all"`:  {"check", "all"},
		`takes no argument "chekc"`:                 {"chekc"},
		`"backwire queue" takes no argument "list"`: {"queue", "list"},
		"flag needs an argument: --env-file":        {"check", "--env-file"},
	} {
		code, stdout, stderr := newStand(t).execute(t, args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) || !strings.Contains(stderr, "--help") {
			t.Errorf("%v: exit code %d, %q, %q; want 2 and %q", args, code, stdout, stderr, want)
		}
	}
}
