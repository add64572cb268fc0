package main

import (
	"testing"
	"testing/fstest"
)

// The files are as the kernel's documents of control groups have them (admin-guide/cgroup-v2, memory.high and memory.max; and
// cgroup-v1/memory, memory.limit_in_bytes).
func TestMemoryLimitFollowsTheControlGroup(t *testing.T) {
	const unit = "sys/fs/cgroup/system.slice/backwire.service/"
	const v2 = "0::/system.slice/backwire.service\n"
	const v1 = "12:pids:/x\n4:memory:/system.slice/backwire.service\n1:name=systemd:/system.slice/backwire.service\n"
	for name, c := range map[string]struct {
		member string
		files  map[string]string
		want   int64
	}{
		"the unit's own": {v2, map[string]string{unit + "memory.high": "117440512\n", unit + "memory.max": "134217728\n"}, 96 << 20},
		"slowed alone":   {v2, map[string]string{unit + "memory.high": "117440512\n", unit + "memory.max": "max\n"}, 96 << 20},
		"ended alone":    {v2, map[string]string{unit + "memory.high": "max\n", unit + "memory.max": "134217728\n"}, 96 << 20},
		"the lower of the two": {
			v2, map[string]string{unit + "memory.high": "117440512\n", unit + "memory.max": "104857600\n"}, 75 << 20,
		},
		"a slice above":          {v2, map[string]string{"sys/fs/cgroup/system.slice/memory.max": "134217728\n", unit + "memory.max": "268435456\n"}, 96 << 20},
		"a container":            {"0::/\n", map[string]string{"sys/fs/cgroup/memory.max": "134217728\n"}, 96 << 20},
		"no limit":               {v2, map[string]string{unit + "memory.high": "max\n", unit + "memory.max": "max\n"}, 0},
		"no files":               {v2, nil, 0},
		"version 1":              {v1, map[string]string{"sys/fs/cgroup/memory/system.slice/backwire.service/memory.limit_in_bytes": "134217728\n"}, 96 << 20},
		"version 1 without one":  {v1, map[string]string{"sys/fs/cgroup/memory/system.slice/backwire.service/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"both versions at once":  {v1 + v2, map[string]string{"sys/fs/cgroup/memory/system.slice/backwire.service/memory.limit_in_bytes": "134217728\n"}, 96 << 20},
		"nonsense":               {"x\n\n:\n", map[string]string{unit + "memory.max": "1"}, 0},
		"a limit that is none":   {v2, map[string]string{unit + "memory.max": "-5\n", unit + "memory.high": "0\n"}, 0},
		"a group that is hidden": {"0::/../other\n", map[string]string{"sys/fs/cgroup/memory.max": "134217728\n"}, 96 << 20},
	} {
		root := fstest.MapFS{"proc/self/cgroup": {Data: []byte(c.member)}}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryLimit(root); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := memoryLimit(fstest.MapFS{}); got != 0 {
		t.Errorf("where nothing is known: %d, want none", got)
	}
}
