package packagetest

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// machine is a system booted by QEMU from a disk of its own: a kernel, control groups and a power switch.
// It reaches the host's loopback at hostAddress.
type machine struct {
	*system
	qemu  *exec.Cmd
	stdin io.WriteCloser
	lines <-chan string // of its second serial port, where a root shell is
	calls int
	last  string // line that was read
}

// hostAddress is the host, as QEMU's user network shows it.
const hostAddress = "10.0.2.2"

// machineTree is bookworm with a kernel, an address and a shell on the second serial port.
var machineTree = tree{suite: "bookworm", extra: []string{"linux-image-cloud-amd64", "initramfs-tools"}, setup: `
cat >/etc/systemd/network/lan.network <<'END'
[Match]
Type=ether
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
END
cat >/etc/systemd/system/shell.service <<'END'
[Service]
ExecStartPre=stty raw -echo
ExecStart=/bin/sh -c 'echo ready; exec /bin/sh'
StandardInput=tty-force
StandardOutput=tty
StandardError=journal
TTYPath=/dev/ttyS1
KillSignal=SIGKILL
[Install]
WantedBy=multi-user.target
END
systemctl enable systemd-networkd shell
mkdir /packages
echo '/dev/vdb /packages ext4 ro 0 0' >/etc/fstab`}

var machineTools = []string{"debootstrap", "qemu-system-x86_64", "mke2fs", "gpg"}

// disks makes the images of the tree and of the packages in a folder of the test.
func disks(t *testing.T, packages string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	command(t, "mke2fs", "-q", "-t", "ext4", "-d", machineTree.folder(t), filepath.Join(folder, "root"), "2G")
	command(t, "mke2fs", "-q", "-t", "ext4", "-d", packages, filepath.Join(folder, "packages"), "256M")
	return folder
}

// power switches a machine on that has these disks. A test may do so again after cut.
func power(t *testing.T, disks string) *machine {
	t.Helper()
	boot := machineTree.folder(t)
	qemu := exec.Command("qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "1024", "-smp", "2",
		"-no-reboot", "-display", "none", "-monitor", "none", "-serial", "file:"+filepath.Join(disks, "console"), "-serial", "stdio",
		"-kernel", filepath.Join(boot, "vmlinuz"), "-initrd", filepath.Join(boot, "initrd.img"),
		"-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=-1",
		"-drive", "if=virtio,format=raw,file="+filepath.Join(disks, "root"),
		"-drive", "if=virtio,format=raw,readonly=on,file="+filepath.Join(disks, "packages"),
		"-nic", "user,model=virtio-net-pci")
	qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	m := &machine{system: &system{t: t}, qemu: qemu}
	m.shell = m.call
	m.start()
	t.Cleanup(func() { m.end(filepath.Join(disks, "console")) })
	if _, err := m.until("ready"); err != nil {
		t.Fatal(err)
	}
	m.says("systemctl is-system-running --wait", "running")
	return m
}

func (m *machine) start() {
	m.t.Helper()
	in, err := m.qemu.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	out, err := m.qemu.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := m.qemu.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.stdin, m.lines = in, readLines(out)
}

// readLines gives the lines until the end, and closes the channel.
func readLines(r io.Reader) <-chan string {
	lines := make(chan string, 10_000)
	go func() { // cut waits for it
		defer close(lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// call types a script into the shell and reads up to the mark after it.
func (m *machine) call(script string) (string, error) {
	m.calls++
	mark := fmt.Sprintf("call %d ended with ", m.calls)
	if _, err := fmt.Fprintf(m.stdin, "(\n%s\n) 2>&1 </dev/null; code=$?; echo; echo %s$code\n", script, mark); err != nil {
		return "", err
	}
	out, err := m.until(mark)
	if err != nil {
		return out, err
	}
	if code := strings.TrimPrefix(m.last, mark); code != "0" {
		return out, fmt.Errorf("exit code %s", code)
	}
	return out, nil
}

// until reads lines up to one with a mark, which is last then.
func (m *machine) until(mark string) (before string, err error) {
	patient := time.NewTimer(patience)
	defer patient.Stop()
	for {
		select {
		case line, ok := <-m.lines:
			if !ok {
				return before, io.ErrUnexpectedEOF
			}
			if m.last = line; strings.HasPrefix(line, mark) {
				return strings.TrimSuffix(before, "\n"), nil
			}
			before += line + "\n"
		case <-patient.C:
			return before, fmt.Errorf("%q did not come within %s", mark, patience)
		}
	}
}

// cut is the end of all power: what was not on the disk is gone.
func (m *machine) cut() {
	_ = m.qemu.Process.Kill()
	_ = m.off()
	_ = m.qemu.Wait() // a kill is no failure
}

// off waits until the machine is.
func (m *machine) off() error {
	patient := time.NewTimer(patience)
	defer patient.Stop()
	for {
		select {
		case _, on := <-m.lines:
			if !on {
				return nil
			}
		case <-patient.C:
			return fmt.Errorf("the machine is still on after %s", patience)
		}
	}
}

func (m *machine) end(console string) {
	m.cut()
	if m.t.Failed() {
		said, _ := exec.Command("tail", "-n", "40", console).Output()
		m.t.Logf("the console:\n%s", said)
	}
}
