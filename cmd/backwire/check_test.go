package main

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"backwire/remotewrite/receiver"
	"backwire/source/netbackup"
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
			[][]string{{"site paris", "login", "not authenticated", "check the API key and its expiry"}},
		},
		"wrong CA": {
			func(t *testing.T, s *stand) {
				s.settings["NETBACKUP_CA_FILE"] = s.file(t, "other.pem", string(otherPrimary(t).CA()))
			},
			[][]string{{"site paris", "certificate", "was not issued by the trusted CA", "backwire trust", "nbcertcmd -listCACertDetails", "openssl s_client -connect 127.0.0.1:"}},
		},
		"wrong fingerprint": {
			func(t *testing.T, s *stand) {
				s.settings["NETBACKUP_CA_FILE"] = ""
				s.settings["NETBACKUP_CA_FINGERPRINT"] = otherPrimary(t).Fingerprint()
			},
			[][]string{{"site paris", "certificate", "is pinned", "compare CA_FINGERPRINT"}},
		},
		"wrong name": {
			func(t *testing.T, s *stand) {
				secure := httptest.NewTLSServer(s.receiver)
				t.Cleanup(secure.Close)
				pem := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
				s.settings["REMOTE_WRITE_CA_FILE"] = s.file(t, "receiver.pem", string(pem))
				s.settings["REMOTE_WRITE_URL"] = strings.Replace(secure.URL, "127.0.0.1", "localhost", 1)
			},
			[][]string{{"endpoint default", "certificate", "is valid for example.com", "use a host name in the URL that is in the certificate: example.com"}},
		},
		"receiver's CA unknown": {
			func(t *testing.T, s *stand) {
				secure := httptest.NewTLSServer(s.receiver)
				t.Cleanup(secure.Close)
				s.settings["REMOTE_WRITE_URL"] = secure.URL
			},
			[][]string{{"endpoint default", "certificate", "unknown authority", "set CA_FILE to a file", "openssl s_client"}},
		},
		"https to an http port": {
			func(_ *testing.T, s *stand) {
				s.settings["REMOTE_WRITE_URL"] = strings.Replace(s.push, "http:", "https:", 1)
			},
			[][]string{{"endpoint default", "certificate", "does not speak TLS", "whether it is an http port"}},
		},
		"unknown host": {
			func(_ *testing.T, s *stand) { s.settings["NETBACKUP_URL"] = "https://primary.invalid:1556/netbackup" },
			[][]string{{"site paris", "name", "primary.invalid", "getent hosts primary.invalid"}},
		},
		"wrong path": {
			func(_ *testing.T, s *stand) { s.settings["NETBACKUP_URL"] += "/api" },
			[][]string{{"site paris", "version", "404", "check the URL: it ends with /netbackup"}},
		},
		"a proxy's HTML": {
			func(_ *testing.T, s *stand) { s.primary.Inject(nbusim.Fault{Effect: nbusim.ProxyPage()}) },
			[][]string{{"site paris", "version", "unreadable answer", "check whether a proxy or a login page answers"}},
		},
		"primary server down": {
			func(_ *testing.T, s *stand) { _ = s.primary.Close() },
			[][]string{{"site paris", "route", "connection refused", "nothing listens there", "ss -ltn"}},
		},
		"no role": {
			func(_ *testing.T, s *stand) {
				s.primary.SetKeys(nbusim.APIKey{Key: nbusim.DefaultKey, Roles: nbusim.NoRoles()})
			},
			[][]string{
				{"site paris", "role storage", "200 with an empty list", "View permission on |STORAGE|STORAGE-UNITS|", "|OPERATIONS|VIEW|"},
				{"site paris", "role jobs", "200 with an empty list", "View permission on |MANAGE|JOBS|"},
			},
		},
		"role refused": {
			func(_ *testing.T, s *stand) {
				s.primary.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Status(http.StatusForbidden)})
			},
			[][]string{{"site paris", "role jobs", "403", "View permission on |MANAGE|JOBS|"}},
		},
		"endpoint 401": {
			func(_ *testing.T, s *stand) { s.receiver.Always(&receiver.Answer{Status: 401, Body: "invalid\ntoken"}) },
			[][]string{{"endpoint default", "write", "401 Unauthorized: invalid token", "check USERNAME and PASSWORD_FILE"}},
		},
		"endpoint 404": {
			func(_ *testing.T, s *stand) { s.receiver.Always(&receiver.Answer{Status: 404}) },
			[][]string{{"endpoint default", "write", "404 Not Found", "check the path"}},
		},
		"endpoint unreachable": {
			func(t *testing.T, s *stand) {
				s.settings["REMOTE_WRITE_URL"] = "http://" + freePort(t) + "/api/v1/push"
			},
			[][]string{{"endpoint default", "route", "connection refused", "nothing listens there"}},
		},
		"a proxy's HTML before the endpoint": {
			func(_ *testing.T, s *stand) {
				s.receiver.Always(&receiver.Answer{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>"})
			},
			[][]string{{"endpoint default", "write", "an HTML page", "check whether a proxy or a login page answers"}},
		},
		"a receiver that stores nothing": {
			func(_ *testing.T, s *stand) {
				s.receiver.Always(&receiver.Answer{Status: 204, Header: http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"0"}}})
			},
			[][]string{{"endpoint default", "write", "0 samples were stored", "relabelling rule"}},
		},
		"both sides": {
			func(_ *testing.T, s *stand) {
				_ = s.primary.Close()
				s.receiver.Always(&receiver.Answer{Status: 503})
			},
			[][]string{{"site paris", "route", "connection refused"}, {"endpoint default", "write", "503", "see its log"}},
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

// wantFailures wants exactly these steps to have failed, each with what was tried, what came back and what to do.
func wantFailures(t *testing.T, stdout string, want [][]string) {
	t.Helper()
	failed := failures(stdout)
	if len(failed) != len(want) {
		t.Fatalf("%d steps failed, want %d:\n%s", len(failed), len(want), stdout)
	}
	for i, words := range want {
		if !strings.HasPrefix(failed[i], words[0]+" "+words[1]) {
			t.Errorf("%q is not about %q", failed[i], words[:2])
		}
		for _, word := range append(words[2:], "answer", "what to do") {
			if !strings.Contains(failed[i], word) {
				t.Errorf("%q lacks %q", failed[i], word)
			}
		}
	}
	if strings.Contains(stdout, nbusim.DefaultKey) {
		t.Errorf("a secret is shown:\n%s", stdout)
	}
	wantNarrow(t, stdout)
}

// wantNarrow wants no line longer than a terminal, unless it is one word or a command to be copied.
func wantNarrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if utf8.RuneCountInString(line) > 80 && len(strings.Fields(line)) > 1 && !strings.HasPrefix(strings.TrimSpace(line), "$ ") {
			t.Errorf("a line has %d columns: %q", utf8.RuneCountInString(line), line)
		}
	}
}

// failures are the failed steps of a check's table, each with its subject and in one line.
func failures(stdout string) []string {
	var failed []string
	subject, within := "", false
	for line := range strings.Lines(stdout) {
		switch {
		case strings.TrimSpace(line) == "":
			within = false
		case strings.HasPrefix(line, "site ") || strings.HasPrefix(line, "endpoint "):
			subject = strings.TrimSpace(line)
		case strings.HasPrefix(line, "FAILED"):
			within = true
			failed = append(failed, subject+" "+strings.Join(strings.Fields(line)[1:], " "))
		case !strings.HasPrefix(line, "  "):
			within = false
		case within:
			failed[len(failed)-1] += " " + strings.Join(strings.Fields(line), " ")
		}
	}
	return failed
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
		"Configuration OK", "ok name 127.0.0.1 is an address", "ok route connected to 127.0.0.1:", "ok certificate TLS 1.3", "ok version API version 14.0",
		"ok clock within 1s", "ok login credential accepted", "ok role storage readable", "ok role disk_pools readable",
		"ok role storage_servers readable", "ok role tape_drives", "ok role jobs readable", "ok role policies", "ok role paused_clients", "ok role alerts", "ok role malware", "ok role images", "ok role slos", "ok role tape_media", "ok role volume_pools", "ok role robots", "ok write stored in", "ok window takes samples up to 24 h late", "checks passed",
	} {
		if !strings.Contains(strings.Join(strings.Fields(stdout), " "), line) {
			t.Errorf("there is no line %q:\n%s", line, stdout)
		}
	}
	own := len(s.receiver.Select("backwire_check_timestamp_seconds"))
	if canaries := len(s.receiver.Select("backwire_canary")); own != 1 || len(s.receiver.Series()) != own+canaries || s.primary.Sessions() != 0 {
		t.Error("the check has left something else behind than its one sample and the canaries of the past")
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
	if code != exitOK || !strings.Contains(strings.Join(strings.Fields(stdout), " "), "the role lacks the permission View on |STORAGE|DISK-POOLS|") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
}

// The JSON form is what other programs are written against: names and words of it stay.
func TestCheckJSON(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.receiver.Always(&receiver.Answer{Status: 404})
	code, stdout, _ := s.execute(t, "check", "--json")
	var got struct {
		Version  string
		Failed   int
		Warnings []string
		Findings []struct {
			Subject, Step, Result, Tried, Found, Next, Command string
			Seconds                                            *float64
		}
	}
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatalf("%v:\n%s", err, stdout)
	}
	if code != exitFailed || got.Failed != 1 || got.Version == "" || got.Warnings == nil || len(got.Findings) != 8+len(netbackup.Collectors()) {
		t.Errorf("exit code %d, %d failed, %d findings", code, got.Failed, len(got.Findings))
	}
	for _, f := range got.Findings {
		if f.Subject == "" || f.Step == "" || f.Tried == "" || f.Found == "" || f.Seconds == nil || f.Result == "failed" && f.Next == "" {
			t.Errorf("%+v", f)
		}
	}
	if last := got.Findings[len(got.Findings)-1]; last.Subject != "endpoint default" || last.Step != "write" || last.Result != "failed" {
		t.Errorf("the last is %+v", last)
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
		s.settings["LISTEN"] = "0.0.0.0:9469"
		code, stdout, stderr := s.execute(t, command...)
		if code != exitRefused || stdout != "" {
			t.Errorf("%v: exit code %d, standard output %q", command, code, stdout)
		}
		for _, variable := range []string{
			`BACKWIRE_INTERVAL="often"`, "BACKWIRE_NETBACKUP_URL=", "BACKWIRE_NETBACKUP_API_KEY_FILE=", `BACKWIRE_REMOTE_WRITE_PROTOCOL="3.0"`, "BACKWIRE_NETBAKUP_SITE", `BACKWIRE_LISTEN="0.0.0.0:9469"`,
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
		"unknown flag: --fast":                                 {"check", "--fast"},
		`"backwire check" does not accept the argument "all"`:  {"check", "all"},
		`does not accept the argument "chekc"`:                 {"chekc"},
		`"backwire queue" does not accept the argument "list"`: {"queue", "list"},
		`did you mean "backwire check"?`:                       {"chek"},
		`did you mean "backwire queue export"?`:                {"queue", "exprt"},
		"flag needs an argument: --env-file":                   {"check", "--env-file"},
	} {
		code, stdout, stderr := newStand(t).execute(t, args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) || !strings.Contains(stderr, "--help") {
			t.Errorf("%v: exit code %d, %q, %q; want 2 and %q", args, code, stdout, stderr, want)
		}
	}
}
