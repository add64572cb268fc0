package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"backwire/source/regular"
)

// takenFile is where a follower keeps what it has taken, in the directory of what is done: a line of JSON behind its CRC-32C in hex.
const takenFile = "taken.json"

// Bounds of what is kept. A year of hourly bundles is 9,000 of them.
const (
	maxTakenFile  = 16 << 20
	maxTaken      = 20_000 // manifests
	maxStretches  = 1_000  // of one agent
	maxAgents     = 1_000
	gapRemembered = 35 * 24 * time.Hour // a gap that is older is not named any more
)

// taken is what receivers have: so a bundle that is copied again is not sent again, and one that is missing is named after those beside
// it were deleted. Its methods are for one goroutine.
type taken struct {
	Version   int                    `json:"version"`
	Manifests []string               `json:"manifests"` // hashes, the newest last
	Stretches map[string][]*Manifest `json:"stretches"` // of each agent's log, each of bundles that follow each other
}

func readTaken(root *os.Root) (*taken, error) {
	b, err := regular.ReadIn(root, takenFile, maxTakenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &taken{Version: 1, Stretches: map[string][]*Manifest{}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was imported: %w", err)
	}
	t := &taken{}
	if len(b) < 9 || string(b[:9]) != takenSum(b[9:]) || json.Unmarshal(b[9:], t) != nil || t.Version != 1 || t.Stretches == nil {
		return nil, fmt.Errorf("read what was imported: %s is damaged or of a newer version; without it every bundle that is there is sent again, which does no harm", takenFile)
	}
	return t, nil
}

func takenSum(text []byte) string {
	return fmt.Sprintf("%08x ", crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)))
}

// write makes it durable in a directory, whole or not at all.
func (t *taken) write(dir string) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, takenFile)
	err = renameio.WriteFile(path, append([]byte(takenSum(b)), b...), bundleMode, renameio.WithTempDir(dir), renameio.WithStaticPermissions(bundleMode))
	if err != nil {
		return fmt.Errorf("store what was imported: %w", err)
	}
	return nil
}

func (t *taken) has(hash string) bool { return slices.Contains(t.Manifests, hash) }

// add takes a bundle.
func (t *taken) add(hash string, m *Manifest) {
	t.Manifests = append(t.Manifests, hash)
	t.Manifests = t.Manifests[max(0, len(t.Manifests)-maxTaken):]
	t.Stretches[m.Agent] = joined(t.Stretches[m.Agent], m)
	if len(t.Stretches) > maxAgents {
		t.forgetOldestAgent()
	}
}

func (t *taken) forgetOldestAgent() {
	oldest := ""
	for agent := range t.Stretches {
		if oldest == "" || t.newest(agent).Created.Before(t.newest(oldest).Created) {
			oldest = agent
		}
	}
	delete(t.Stretches, oldest)
}

// newest is an agent's stretch that reaches furthest.
func (t *taken) newest(agent string) *Manifest { return t.Stretches[agent][len(t.Stretches[agent])-1] }

// joined adds a bundle to the stretches of its agent's log. A bundle that is newer than all and ends before them is of a new log.
func joined(stretches []*Manifest, m *Manifest) []*Manifest {
	if n := len(stretches); n > 0 && m.Created.After(stretches[n-1].Created) && m.end().Compare(stretches[n-1].end()) < 0 {
		stretches = nil
	}
	all := append(slices.Clone(stretches), stretchOf(m))
	slices.SortStableFunc(all, func(a, b *Manifest) int { return a.start().Compare(b.start()) })
	joint := all[:1]
	for _, next := range all[1:] {
		last := joint[len(joint)-1]
		switch {
		case !next.follows(last):
			joint = append(joint, next)
		case next.end().Compare(last.end()) > 0:
			next.From, next.FirstSequence, next.Files[0] = last.From, last.FirstSequence, last.Files[0]
			joint[len(joint)-1] = next
		}
	}
	for len(joint) > maxStretches || len(joint) > 1 && m.Created.Sub(joint[0].Created) > gapRemembered {
		joint = joint[1:]
	}
	return joint
}

// stretchOf is a manifest with its first and last file alone.
func stretchOf(m *Manifest) *Manifest {
	s := *m
	s.Sites = nil
	s.Files = []File{m.Files[0], m.Files[len(m.Files)-1]}
	for i := range s.Files {
		s.Files[i].SHA256 = ""
	}
	return &s
}
