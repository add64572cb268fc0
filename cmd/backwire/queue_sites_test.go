package main

import (
	"strings"
	"testing"

	"backwire/remotewrite/queue"
)

// knownSites are the sites of a queue, by a space.
func knownSites(t *testing.T, dir string) string {
	t.Helper()
	found, err := queue.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, site := range found.Sites {
		names = append(names, site.Name)
	}
	return strings.Join(names, " ")
}

// A site under a new name stops the start, before anything is asked or written, and check says so too, until a person has decided.
func TestARenamedSiteWaitsForADecision(t *testing.T) {
	for command, sites := range map[string]string{"rename paris lyon": "lyon", "forget paris": ""} {
		dir, environ := fillQueue(t, 3)
		environ = append(environ, "BACKWIRE_NETBACKUP_URL=https://127.0.0.1:1/netbackup", "BACKWIRE_NETBACKUP_API_KEY=k", "BACKWIRE_NETBACKUP_SITE=lyon",
			"BACKWIRE_REMOTE_WRITE_URL=http://127.0.0.1:1/push", "BACKWIRE_LISTEN=", "BACKWIRE_NETBACKUP_TIMEOUT=1s")
		before := tree(t, dir)
		code, out := said(t, environ, "run")
		if code != exitRefused || !strings.Contains(out, "site lyon is new and site paris is no longer configured") || !strings.Contains(out, "backwire queue rename paris lyon") {
			t.Fatalf("run exits with %d and says %s", code, out)
		}
		if len(tree(t, dir)) != len(before) {
			t.Error("the refused start has changed the queue")
		}
		if code, out := said(t, environ, "check"); code != exitFailed || !strings.Contains(strings.Join(strings.Fields(out), " "), "backwire queue rename paris lyon") {
			t.Errorf("check exits with %d and says %s", code, out)
		}
		args := append([]string{"queue"}, strings.Fields(command)...)
		if code, out := said(t, environ, args...); code != exitOK {
			t.Fatalf("%s exits with %d and says %s", command, code, out)
		}
		if got := knownSites(t, dir); got != sites {
			t.Errorf("after %s the queue knows %q", command, got)
		}
		if code, out := said(t, environ, "check"); strings.Contains(out, "is no longer configured") {
			t.Errorf("check exits with %d and says %s", code, out)
		}
	}
}

// What cannot be done is said with what to do.
func TestSitesOfAQueueInUse(t *testing.T) {
	dir, environ := fillQueue(t, 3)
	for want, args := range map[string][]string{
		"the queue has no such site": {"forget", "rome"},
		"needs the name of one site": {"forget"},
		"needs two names":            {"rename", "paris"},
	} {
		if code, out := said(t, environ, append([]string{"queue"}, args...)...); code == exitOK || !strings.Contains(out, want) {
			t.Errorf("%v exits with %d and says %s", args, code, out)
		}
	}
	q, err := queue.Open(dir, queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if code, out := said(t, environ, "queue", "forget", "paris"); code != exitFailed || !strings.Contains(out, "stop the agent first") {
		t.Errorf("beside an agent it exits with %d and says %s", code, out)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if code, _ := said(t, []string{"BACKWIRE_QUEUE_DIR=" + dir + "/none"}, "queue", "forget", "paris"); code != exitFailed {
		t.Errorf("without a queue it exits with %d", code)
	}
	if got := knownSites(t, dir); got != "paris" {
		t.Errorf("the queue knows %q", got)
	}
}
