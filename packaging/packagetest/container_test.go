package packagetest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// container is a system booted by systemd-nspawn. It shares the host's network, so that loopback is the same
// on both sides.
type container struct {
	*system
	init int // the pid of its systemd, as the host counts
}

// containerTools are what the host needs for one.
var containerTools = []string{"debootstrap", "systemd-nspawn", "nsenter", "gpg"}

// containers are how many were booted.
var containers atomic.Int32

// boot boots a tree, whose files stay as they are, with the packages under /packages, and binds folders of the host (--bind of systemd-nspawn).
func boot(t *testing.T, s tree, packages string, binds ...string) *container {
	t.Helper()
	console := new(bytes.Buffer) // read only after the end
	nspawn := exec.Command("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--volatile=overlay",
		"--machine=backwire-"+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(int(containers.Add(1))), "--console=pipe", "--directory="+s.folder(t),
		"--bind-ro="+packages+":/packages")
	for _, b := range binds {
		nspawn.Args = append(nspawn.Args, "--bind="+b)
	}
	nspawn.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	nspawn.Stdout, nspawn.Stderr = console, console
	nspawn.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	nspawn.WaitDelay = time.Second // the console outlives nobody
	if err := nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	c := &container{system: &system{t: t}}
	c.shell = c.enter
	t.Cleanup(func() { c.end(nspawn, console) })
	await(t, "the container boots", func() error { return c.booted(nspawn.Process.Pid) })
	return c
}

// booted finds the container's systemd, and asks it.
func (c *container) booted(nspawn int) error {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", nspawn, nspawn))
	if err != nil {
		return err
	}
	if c.init, err = strconv.Atoi(strings.TrimSpace(string(children))); err != nil {
		return fmt.Errorf("children of systemd-nspawn: %w", err)
	}
	out, _ := c.enter("systemctl is-system-running")
	if state := strings.TrimSpace(out); state != "running" {
		return fmt.Errorf("systemd is %q", state)
	}
	return nil
}

// enter runs a script inside.
func (c *container) enter(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "--target", strconv.Itoa(c.init), "--all", "--", "/bin/sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// path is where the host sees a file of the container.
func (c *container) path(inside string) string {
	return filepath.Join("/proc", strconv.Itoa(c.init), "root", inside)
}

// end takes the container away at once: its systemd, and with it all that it started.
func (c *container) end(nspawn *exec.Cmd, console *bytes.Buffer) {
	if c.t.Failed() && c.init != 0 {
		c.t.Logf("the journal:\n%s", c.journal())
	}
	if c.init != 0 {
		_ = syscall.Kill(c.init, syscall.SIGKILL)
	}
	_ = nspawn.Process.Signal(syscall.SIGTERM)
	_ = nspawn.Wait()
	if c.t.Failed() {
		c.t.Logf("the console:\n%s", console)
	}
}
