package netbackup

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"backwire/source"
)

// A promise counts from the last success. Where there was none it counts from when the agent first saw the policy, so that neither
// an installation nor a new client is a reason to alarm. What was added to a policy later counts from then. It is one key of
// the site's state a policy, which ends when the server does not list the policy any more:
//
//	seen/NAME = version, ms as uvarint, {length of name, name, ms}… of what was added later
//
// Times are of the server's clock. A name is a client's or a type of schedule's.
const (
	seenPrefix  = "seen/"
	seenVersion = 1
)

// firstSeen is when policies were first seen.
type firstSeen struct {
	policies map[string]*policySeen
	changed  map[string]bool // since changes was last asked
}

type policySeen struct {
	at    int64
	added map[string]int64 // later
	known map[string]bool  // in this life of the agent; nil before the policy is read
}

func newFirstSeen() firstSeen {
	return firstSeen{policies: map[string]*policySeen{}, changed: map[string]bool{}}
}

// note takes what a policy names now. What is new since it was last read was added.
func (f firstSeen) note(policy string, names []string, now int64) {
	p := f.policies[policy]
	if p == nil {
		p = &policySeen{at: now, added: map[string]int64{}}
		f.policies[policy], f.changed[policy] = p, true
	}
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[name] = true
		if p.known != nil && !p.known[name] {
			p.added[name], f.changed[policy] = now, true
		}
	}
	for name := range p.added {
		if !known[name] {
			delete(p.added, name)
			f.changed[policy] = true
		}
	}
	p.known = known
}

// since is when the promise of a type to a client was first seen.
func (f firstSeen) since(k clientKey, scheduleType string, now int64) int64 {
	p := f.policies[k.policy]
	if p == nil {
		return now
	}
	return min(max(p.at, p.added[k.client], p.added[scheduleType]), now) // the clock may have been wrong
}

// keep forgets the policies that are not listed any more.
func (f firstSeen) keep(listed map[string]bool) {
	for name := range f.policies {
		if !listed[name] {
			delete(f.policies, name)
			f.changed[name] = true
		}
	}
}

// changes are the keys that changed since it was last asked.
func (f firstSeen) changes() (out []source.Change) {
	for _, name := range slices.Sorted(maps.Keys(f.changed)) {
		c := source.Change{Key: seenPrefix + name}
		if p := f.policies[name]; p != nil {
			c.Value = p.encode()
		}
		out = append(out, c)
	}
	clear(f.changed)
	return out
}

func (p *policySeen) encode() []byte {
	b := binary.AppendUvarint([]byte{seenVersion}, uint64(max(p.at, 0)))
	for _, name := range slices.Sorted(maps.Keys(p.added)) {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
		b = binary.AppendUvarint(b, uint64(max(p.added[name], 0)))
	}
	return b
}

// restore takes the keys of the state back that can be read.
func (f firstSeen) restore(state map[string][]byte) (err error) {
	for key, value := range state {
		name, ok := strings.CutPrefix(key, seenPrefix)
		if !ok {
			continue
		}
		p, ok := decodeSeen(value)
		if !ok {
			err = fmt.Errorf("state key %q has an unknown version or is truncated", key)
			continue
		}
		f.policies[name] = p
	}
	return err
}

func decodeSeen(b []byte) (*policySeen, bool) {
	if len(b) == 0 || b[0] != seenVersion {
		return nil, false
	}
	r := source.ReadState(b[1:])
	p := &policySeen{at: int64(r.Uvarint()), added: map[string]int64{}}
	for r.More() {
		name := r.Text()
		p.added[name] = int64(r.Uvarint())
	}
	return p, !r.Short()
}
