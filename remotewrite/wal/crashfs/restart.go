package crashfs

import (
	"maps"
	"math/rand/v2"
	"path"
	"slices"
)

// Keep says which unsynced changes a power loss leaves.
type Keep int

// The ways of a disk.
const (
	KeepNone Keep = iota
	KeepAll
	KeepPrefix // in order, the last write torn at a byte
	KeepRandom // any subset of sectors and of names
)

// Keeps are all ways of a disk.
func Keeps() []Keep { return []Keep{KeepNone, KeepAll, KeepPrefix, KeepRandom} }

func (k Keep) String() string {
	return [...]string{"none", "all", "prefix", "random"}[k]
}

const sector = 512

// Kill is the file system after the program was killed: what it had written is
// there, no more of it on the disk than before. The faults are gone.
func (f *FS) Kill() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := New()
	twins := map[*inode]*inode{}
	twin := func(n *inode) *inode {
		if n != nil && twins[n] == nil {
			twins[n] = n.clone()
		}
		return twins[n]
	}
	for name, node := range f.live {
		k.live[name] = twin(node)
	}
	for name, node := range f.durable {
		k.durable[name] = twin(node)
	}
	for _, c := range f.pending {
		k.pending = append(k.pending, entryChange{c.path, twin(c.node)})
	}
	return k
}

// Restart is the file system after a power loss. The faults are gone.
func (f *FS) Restart(keep Keep, rng *rand.Rand) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	entries := maps.Clone(f.durable)
	kept := map[string]bool{} // by path: a later change of the same name needs the earlier one
	prefix := rng.IntN(len(f.pending) + 1)
	for i, c := range f.pending {
		stays := keep == KeepAll || keep == KeepPrefix && i < prefix || keep == KeepRandom && rng.IntN(2) == 0
		if before, changed := kept[c.path]; changed && !before {
			stays = false
		}
		if kept[c.path] = stays; stays {
			c.apply(entries)
		}
	}
	r := New()
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		n := entries[name]
		if dir := path.Dir(name); dir != "." && entries[dir] == nil {
			continue // gone with its directory
		}
		content := n.survive(keep, rng)
		r.live[name] = &inode{dir: n.dir, live: content, durable: slices.Clone(content)}
		r.durable[name] = r.live[name]
	}
	return r
}

// survive is a file's content after a power loss.
func (n *inode) survive(keep Keep, rng *rand.Rand) []byte {
	content := slices.Clone(n.durable)
	switch keep {
	case KeepAll:
		for _, c := range n.pending {
			content = c.apply(content)
		}
	case KeepPrefix:
		count := rng.IntN(len(n.pending) + 1)
		for i, c := range n.pending[:count] {
			if i == count-1 && len(c.content) > 0 {
				c.content = c.content[:1+rng.IntN(len(c.content))]
			}
			content = c.apply(content)
		}
	case KeepRandom:
		for _, c := range n.pending {
			content = c.scatter(content, rng)
		}
		if len(content) < len(n.live) && rng.IntN(4) == 0 {
			content = resize(content, int64(len(n.live))) // the length came through, the content did not
		}
	case KeepNone:
	}
	return content
}

// scatter applies any subset of a change's sectors.
func (c change) scatter(to []byte, rng *rand.Rand) []byte {
	if c.content == nil {
		if rng.IntN(2) == 0 {
			return c.apply(to)
		}
		return to
	}
	for off, rest := c.off, c.content; len(rest) > 0; {
		n := min(int64(len(rest)), sector-off%sector)
		if rng.IntN(2) == 0 {
			to = change{off: off, content: rest[:n]}.apply(to)
		}
		off, rest = off+n, rest[n:]
	}
	return to
}
