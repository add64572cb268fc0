package packagetest

import (
	"fmt"
	"strconv"
	"testing"
	"time"
)

// The life of a package in short where control groups are real, and a power cut in the middle of a push.
func TestPowerCutLosesNothing(t *testing.T) {
	full(t, "a machine without KVM takes minutes", machineTools...)
	folder := disks(t, packages(t))
	site := newSite(t, hostAddress)
	m := power(t, folder)
	debInstalls(m.system)
	site.configure(m.system)
	m.run("systemctl enable --now backwire")
	site.settle(t)
	limitsMemory(m.system)

	committed := cutWhilePushing(m, site)
	m = power(t, folder)
	site.whole(t, committed)
	site.settle(t)
	m.state("active enabled")
	m.run("backwire queue verify")

	m.run(upgrade)
	m.state("active enabled")
	site.flows(t)
	debPurges(m.system)
	_, _ = m.shell("systemctl poweroff") // may be gone before it answers
	if err := m.off(); err != nil {
		t.Error(err)
	}
}

// limitsMemory as the unit says, in the kernel's own words.
func limitsMemory(s *system) {
	s.t.Helper()
	group := "/sys/fs/cgroup" + s.property("ControlGroup")
	for _, limit := range []struct{ property, file string }{{"MemoryMax", "memory.max"}, {"MemoryHigh", "memory.high"}, {"TasksMax", "pids.max"}} {
		want := s.property(limit.property)
		if _, err := strconv.Atoi(want); err != nil {
			s.t.Errorf("%s is %s", limit.property, want)
		}
		s.says("cat "+group+"/"+limit.file, want)
	}
}

// cutWhilePushing cuts the power while the receiver reads a request with a backlog, and returns how many samples had been committed.
func cutWhilePushing(m *machine, site *site) (committed uint64) {
	m.t.Helper()
	site.work()
	site.down(true)
	await(m.t, "a backlog", func() error {
		if committed = queued(m.system); committed < 5_000 {
			return fmt.Errorf("%d samples are committed", committed)
		}
		return nil
	})
	pushing, release := site.hold()
	defer release()
	select {
	case <-pushing:
	case <-time.After(patience):
		m.t.Fatalf("no push within %s", patience)
	}
	site.down(false)
	committed = queued(m.system)
	m.cut()
	return committed
}

// queued is how many samples are committed.
func queued(s *system) (samples uint64) {
	s.t.Helper()
	var segments, records int
	out := s.run("backwire queue verify")
	if _, err := fmt.Sscanf(out, "%d segments, %d records, %d samples", &segments, &records, &samples); err != nil {
		s.t.Fatalf("%q: %v", out, err)
	}
	return samples
}
