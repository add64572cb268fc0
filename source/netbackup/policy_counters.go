package netbackup

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"backwire/source"
)

// Counters of a policy that is gone are forgotten like clients are: when it has had no job for long and the server does not
// list it any more. Else the policies of years would take all the room there is from those of today. When each policy last
// had a job is a key of the site's state, written when that is on another day than before:
//
//	policy/NAME = version, day as uvarint
//
// Days are since the epoch, by the agent's clock.
const (
	policyPrefix  = "policy/"
	policyVersion = 1
	dayMillis     = 86_400_000
)

// policyDays is when policies that have counters last had a job.
type policyDays struct {
	days    map[string]int64
	changed map[string]bool // since changes was last asked
}

func newPolicyDays() policyDays {
	return policyDays{days: map[string]int64{}, changed: map[string]bool{}}
}

// note takes a job that was counted; at is ms of the agent's clock.
func (p policyDays) note(policy string, at int64) {
	if day := at / dayMillis; day > p.days[policy] && counts(policy) {
		p.days[policy], p.changed[policy] = day, true
	}
}

// counts says that the counters of a policy are its own. Those of no policy, and of all without room, stay.
func counts(policy string) bool { return policy != "" && policy != otherPolicies }

// idle are the policies without a job for so long. A day that has not come yet was told by a clock that was wrong.
func (p policyDays) idle(now, keep int64) (names []string) {
	for name, day := range p.days {
		switch {
		case day > now/dayMillis+1:
			p.days[name], p.changed[name] = now/dayMillis, true
		case (day+1)*dayMillis <= now-keep:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (p policyDays) forget(name string) {
	delete(p.days, name)
	p.changed[name] = true
}

// changes are the keys that changed since it was last asked.
func (p policyDays) changes() []source.Change {
	var out []source.Change
	for _, name := range slices.Sorted(maps.Keys(p.changed)) {
		c := source.Change{Key: policyPrefix + name}
		if day, ok := p.days[name]; ok {
			c.Value = binary.AppendUvarint([]byte{policyVersion}, uint64(day))
		}
		out = append(out, c)
	}
	clear(p.changed)
	return out
}

// restore takes a key of the state back.
func (p policyDays) restore(key string, value []byte) error {
	if len(value) == 0 || value[0] != policyVersion {
		return fmt.Errorf("state key %q has an unknown version", key)
	}
	r := source.ReadState(value[1:])
	day := r.Uvarint()
	if r.Short() {
		return fmt.Errorf("state key %q is truncated", key)
	}
	p.days[strings.TrimPrefix(key, policyPrefix)] = int64(day)
	return nil
}

// adoptPolicies begins the time of those that have counters and no day, as in the log of an older agent; at is ms of the
// agent's clock.
func (t *counters) adoptPolicies(at int64) {
	for k := range t.works {
		if t.policies.days[k.policy] == 0 {
			t.policies.note(k.policy, at)
		}
	}
	for k := range t.kinds {
		if t.policies.days[k.policy] == 0 {
			t.policies.note(k.policy, at)
		}
	}
}

// forgetPolicies looks once an hour for policies that are gone, and ends their counters with the batch of the tick.
func (l *jobLedger) forgetPolicies(tick int64) {
	if tick-l.lookedAt < hourMillis {
		return
	}
	l.lookedAt = tick
	gone := map[string]bool{}
	for _, name := range l.counters.policies.idle(tick, l.keep) {
		if l.listed == nil || !l.listed(name, tick) {
			gone[name] = true
			l.counters.policies.forget(name)
		}
	}
	if l.counters.forget(gone) {
		l.ended = tick
		l.log.Info("counters of removed policies have ended", "policies", len(gone), "setting", "FORGET_POLICIES")
	}
}

// forget drops the cells of policies, and of types of jobs that no policy has any more; it says whether there were any. What
// was only looked at and has no cells goes as well.
func (t *counters) forget(policies map[string]bool) (dropped bool) {
	gone, used, working := map[*cell]bool{}, map[timingKey]bool{}, map[workKey]bool{}
	for k, kind := range t.kinds {
		if policies[k.policy] || len(kind.completed) == 0 {
			for _, c := range kind.completed {
				gone[c.cell] = true
			}
			delete(t.kinds, k)
			continue
		}
		used[timingKey{k.jobType, k.policyType}] = true
		working[workKey{k.jobType, k.policyType, k.policy}] = true // a kind of parents has no work yet, and may get some
	}
	for k, w := range t.works {
		if policies[k.policy] || (*w == (work{}) && !working[k]) {
			w.gather(gone)
			delete(t.works, k)
		}
	}
	for k, g := range t.timings {
		if !used[k] && (len(policies) > 0 || *g == (timing{})) {
			g.duration.gather(gone)
			g.wait.gather(gone)
			delete(t.timings, k)
		}
	}
	delete(gone, nil)
	t.drop(gone)
	if len(gone) > 0 {
		t.overCap.RoomMade()
	}
	return len(gone) > 0
}

func (w *work) gather(into map[*cell]bool) {
	into[w.bytes], into[w.moved], into[w.files], into[w.retries] = true, true, true, true
}

func (h *histogram) gather(into map[*cell]bool) {
	if h == nil {
		return
	}
	into[h.sum], into[h.count] = true, true
	for _, c := range h.buckets {
		into[c] = true
	}
}
