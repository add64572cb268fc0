package main

import (
	"bytes"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// memoryLimit is what Go may use at most, in bytes, so that its garbage is collected before the kernel has to act: 6/7 of the
// memory at which the kernel slows the service (systemd's MemoryHigh), 3/4 of that at which it ends it (MemoryMax), whichever is less. The
// rest is for what Go does not count: the program's own pages and the kernel's buffers. It is 0 where no limit is known. A
// limit may be set anywhere above, on a slice or a container, so all levels are asked. root is the machine's file system.
func memoryLimit(root fs.FS) int64 {
	membership, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := int64(math.MaxInt64)
	for line := range bytes.Lines(membership) {
		hierarchy, group, found := strings.Cut(strings.TrimSpace(string(line)), ":/")
		switch {
		case !found:
		case hierarchy == "0:": // version 2
			for level := group; ; level = path.Dir(level) {
				dir := path.Join("sys/fs/cgroup", level)
				least = min(least, share(root, dir+"/memory.high", 6, 7), share(root, dir+"/memory.max", 3, 4))
				if level == "." || level == "" {
					break
				}
			}
		case strings.HasSuffix(hierarchy, ":memory"): // version 1 knows no slowing, and its files say what holds above
			least = min(least, share(root, path.Join("sys/fs/cgroup/memory", group, "memory.limit_in_bytes"), 3, 4))
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// share is a part of the bytes that a file says; the largest int64 where there is no limit: the file is not there, says "max", or a
// number that no machine has, which is how version 1 says it.
func share(root fs.FS, name string, numerator, denominator int64) int64 {
	const most = 1 << 50
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return math.MaxInt64
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || limit <= 0 || limit >= most {
		return math.MaxInt64
	}
	return limit / denominator * numerator
}
