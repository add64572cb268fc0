package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for another process; a test that works waits much less.
const patience = 60 * time.Second

// programs are the binaries as they are shipped, built once.
type programs struct{ backwire, nbusim string }

var built = sync.OnceValues(func() (programs, error) {
	dir, err := os.MkdirTemp("", "backwire-programs-")
	if err != nil {
		return programs{}, err
	}
	build := exec.Command("go", slices.Concat([]string{"build", "-trimpath", "-o", dir + "/"}, raceFlags, []string{"backwire/cmd/..."})...)
	if raceFlags == nil {
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := build.CombinedOutput(); err != nil {
		return programs{}, fmt.Errorf("build: %w\n%s", err, out)
	}
	return programs{filepath.Join(dir, "backwire"), filepath.Join(dir, "nbusim")}, nil
})

func TestMain(m *testing.M) {
	if wanted := os.Getenv(decoderVariable); wanted != "" {
		fmt.Fprintln(os.Stderr, serveDecoder(wanted))
		os.Exit(1)
	}
	code := m.Run()
	if p, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(p.backwire))
	}
	os.Exit(code)
}

func buildPrograms(t testing.TB) programs {
	t.Helper()
	p, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// onlyInFull skips a test in the short form, which is for the race detector: what a program takes of memory under it says
// nothing of the one that is shipped, and what sends millions of samples takes many minutes.
func onlyInFull(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out of short runs: it measures memory or sends millions of samples")
	}
}

// needProgram finds a program that this machine may not have.
func needProgram(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("BACKWIRE_TEST_REQUIRE") == "all" {
		t.Fatalf("%s is required and is not installed", name)
	}
	t.Skipf("left out: %s is not installed", name)
	return ""
}

// process is another program under test.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	ended chan struct{}
	err   error

	mu  sync.Mutex
	out strings.Builder
}

// start runs a program until the test ends. Its output is printed if the test fails.
func start(t testing.TB, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(path, args...), ended: make(chan struct{})}
	// Settings of the machine, and the tests' own, are none of the program's.
	p.cmd.Env = slices.DeleteFunc(p.cmd.Environ(), func(v string) bool { return strings.HasPrefix(v, "BACKWIRE_") })
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.end(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(path), p.output())
		}
	})
	return p
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// end sends a signal and waits for the program to end.
func (p *process) end(s syscall.Signal) error {
	_ = p.cmd.Process.Signal(s)
	select {
	case <-p.ended:
		return p.err
	case <-time.After(patience):
		return errors.New("did not end")
	}
}

// await waits until the condition holds and says what is missing if it never does. Where what is missing becomes less, a busy
// machine has time.
func await(t testing.TB, what string, condition func() error) {
	t.Helper()
	last, since, began := "", time.Now(), time.Now()
	for {
		asked := time.Now()
		err := condition()
		if err == nil {
			return
		}
		pause := max(50*time.Millisecond, 4*time.Since(asked)) // who asks must not keep busy what is asked
		if said := err.Error(); said != last {
			last, since = said, time.Now()
		}
		if time.Since(since) > patience || time.Since(began) > 5*patience || !wait(t.Context(), pause) {
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
	}
}

// answers waits until a server answers 200.
func answers(t testing.TB, url string) {
	t.Helper()
	await(t, url, func() error {
		_, err := fetch(http.DefaultClient, url)
		return err
	})
}

func fetch(client *http.Client, url string) ([]byte, error) {
	res, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, body)
	}
	return body, err
}

// freePort is one that nobody listens on. A connection that was closed here keeps it for a minute from whoever asks
// for any port, another test for one, and not from who asks for this.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	caller, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	called, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := called.Close(); err != nil { // who closes first is the one to wait
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, caller); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(caller.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// settings are the lines NAME=value of a program's output.
func settings(output string) map[string]string {
	found := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(output)); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok {
			found[name] = value
		}
	}
	return found
}
