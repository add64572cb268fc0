package main

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"backwire/cmd/backwire/demo"
	"backwire/remotewrite/receiver"
)

// A running agent takes a changed env file over, goes on with its counts, and refuses a wrong one.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	first, second := receiver.New(receiver.Options{}), receiver.New(receiver.Options{})
	firstPush, secondPush := httptest.NewServer(first), httptest.NewServer(second)
	t.Cleanup(firstPush.Close)
	t.Cleanup(secondPush.Close)
	primary := startPrimary(t, dir, "--history", "50", "--history-span", "10m", "--jobs-per-minute", "0")
	envFile := filepath.Join(dir, "backwire.env")
	env := agentEnv(t, dir, primary, firstPush.URL)
	writeEnvFile(t, envFile, env)

	agent := start(t, nil, buildPrograms(t).backwire, "run", "--env-file", envFile)
	await(t, "the first receiver has the jobs", func() error { return grown(demo.Arrived(first).Total(), total(primary.truth(t))/2) })

	reload := func() int {
		return execute(t.Context(), []string{"reload", "--env-file", envFile}, nil, agent, agent)
	}
	writeEnvFile(t, envFile, append(env, "BACKWIRE_REMOTE_WRITE_URL="+secondPush.URL))
	if code := reload(); code != exitOK {
		t.Fatalf("reload exits with %d", code)
	}
	await(t, "the second receiver has the same counts", func() error { return grown(demo.Arrived(second).Total(), demo.Arrived(first).Total()) })

	writeEnvFile(t, envFile, append(env, "BACKWIRE_INTERVAL=soon"))
	if code := reload(); code != exitRefused {
		t.Errorf("reload of a wrong configuration exits with %d, want %d", code, exitRefused)
	}
	if err := agent.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await(t, "the agent refuses it", func() error {
		if !strings.Contains(agent.output(), "the current one stays in use") {
			return errors.New("it has not said so")
		}
		return nil
	})
	if err := agent.end(syscall.SIGTERM); err != nil {
		t.Errorf("the agent that refused a configuration ended with %v", err)
	}
}

// writeEnvFile writes settings of which the last of a name holds.
func writeEnvFile(t *testing.T, path string, env []string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(env, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// On a shared disk the lock is another host's, and its process id means nothing here: systemd knows better.
func TestReloadSignalsTheProcessOfTheService(t *testing.T) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	t.Setenv("MAINPID", strconv.Itoa(os.Getpid()))
	envFile := filepath.Join(t.TempDir(), "backwire.env")
	writeEnvFile(t, envFile, []string{
		"BACKWIRE_NETBACKUP_URL=http://127.0.0.1:1/netbackup", "BACKWIRE_NETBACKUP_API_KEY=k",
		"BACKWIRE_REMOTE_WRITE_URL=http://127.0.0.1:1/", "BACKWIRE_QUEUE_DIR=" + t.TempDir(),
	})
	var out strings.Builder
	if code := execute(t.Context(), []string{"reload", "--env-file", envFile}, nil, &out, &out); code != exitOK {
		t.Fatalf("reload exits with %d: %s", code, &out)
	}
	<-hangup
}
