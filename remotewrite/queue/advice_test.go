package queue

import (
	"strings"
	"syscall"
	"testing"
)

// Under the service it is the unit that keeps the agent from writing elsewhere, not the file system.
func TestAdviceForTheService(t *testing.T) {
	t.Setenv("INVOCATION_ID", "")
	if got := Advice(syscall.EROFS, "/srv/queue"); !strings.Contains(got, "remount it writable") || strings.Contains(got, "ReadWritePaths") {
		t.Errorf("in a shell: %q", got)
	}
	t.Setenv("INVOCATION_ID", "61e98d9a2b4f4f0d9c5d0a6f5d0d9a11")
	if got := Advice(syscall.EROFS, "/srv/queue"); !strings.Contains(got, "ReadWritePaths=/srv/queue") {
		t.Errorf("under systemd: %q", got)
	}
}
