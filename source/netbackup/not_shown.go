package netbackup

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"backwire/source/collect"
)

// notShown are the types of policies of which no job is known though those of other types are: a role may show all policies and the jobs
// of one workload alone, which nothing in an answer says. What such policies have made is not known, so that it is neither missed nor
// said that nothing of their clients can be restored.
type notShown struct {
	clients *collect.Family
	types   map[string]bool // without a job, in this cycle
	late    map[string]int  // clients of these whose first backup was due, in this cycle
}

// begin looks for types without a job.
func (n *notShown) begin(p *policies) {
	n.types, n.late = map[string]bool{}, map[string]int{}
	seen := map[string]bool{}
	note := func(policy string) {
		if file := p.plans[policy]; file != nil {
			seen[file.row.Type] = true
		}
	}
	unseen := func() bool {
		clear(n.types)
		for _, file := range p.plans {
			if !seen[file.row.Type] {
				n.types[file.row.Type] = true
			}
		}
		return len(n.types) > 0
	}
	for k := range p.site.open.running {
		note(k.policy)
	}
	for k := range p.site.ledger.counters.kinds {
		note(k.policy)
	}
	if !unseen() {
		return
	}
	for k := range p.site.clients.pairs { // they are many, and remembered longer than counters are
		note(k.policy)
	}
	if unseen(); len(seen) == 0 { // no job at all is another matter
		clear(n.types)
	}
}

// hides says that a client's backup is not known rather than missed.
func (n *notShown) hides(policyType string, late bool) bool {
	if !late || !n.types[policyType] {
		return false
	}
	n.late[policyType]++
	return true
}

// says names the types, and how many clients they have whose backup was due; empty for none.
func (n *notShown) says() string {
	if len(n.late) == 0 {
		return ""
	}
	var types []string
	for _, t := range slices.Sorted(maps.Keys(n.late)) {
		types = append(types, fmt.Sprintf("%s (%d)", t, n.late[t]))
	}
	return "no job is known of any policy of these types, though backups of some clients were due: " + strings.Join(types, ", ") +
		"; the role may show the jobs of other workloads alone"
}
