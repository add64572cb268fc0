package regular

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What a path may lead to beside a file. /dev/zero never ends; a FIFO has nobody who writes.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(in("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", in("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	for name, target := range map[string]string{"zero": "/dev/zero", "loop": "loop", "to-fifo": "fifo"} {
		if err := os.Symlink(target, in(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(in("plain"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"fifo", "socket", "zero", "to-fifo", "."} {
		if _, err := Read(in(name), 10); !errors.Is(err, ErrNot) {
			t.Errorf("Read(%s) = %v", name, err)
		}
		// A link that leaves the root is refused by the root itself.
		if _, err := ReadIn(root, name, 10); !errors.Is(err, ErrNot) && name != "zero" || err == nil {
			t.Errorf("ReadIn(%s) = %v", name, err)
		}
	}
	if _, err := OpenIn(root, "fifo", os.O_RDWR|os.O_CREATE, 0o600); !errors.Is(err, ErrNot) {
		t.Errorf("to write: %v", err)
	}
	if _, err := Read(in("none"), 10); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Read(in("loop"), 10); err == nil {
		t.Error("a link to itself was read")
	}
	if b, err := Read(in("plain"), 5); err != nil || string(b) != "12345" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := Read(in("plain"), 4); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "plain") {
		t.Error(err)
	}
}
