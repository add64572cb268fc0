package runs

// verdict is what is known of a run.
type verdict uint8

const (
	waits   verdict = iota // something of it is under way or missing
	told                   // it has failed, or succeeded
	nothing                // it is work of the policy itself, a snapshot of which no backup was made, or has a time that cannot be
)

// outcome is what a run came to.
type outcome struct {
	start, end, bytes int64
	status            int32
	tries             int32 // the most that one of its jobs had
	schedule          string
}

// judge says what the run came to. A failure is known at once. A success is known when
//   - no job of the run is open,
//   - no parent lacks a child, and no child its parent, unless they have not been shown for [missingWait], and
//   - there is a backup: snapshots alone are a success once their tree has ended, where the policy takes no backups.
//
// After a restart what was known before goes on until the list of open jobs is read, or another job of the run ends.
func (b *Book) judge(r *run, now int64) (outcome, verdict) {
	last := b.last(r)
	if len(last) == 0 || last[0].run.history.Client == "" {
		return outcome{}, nothing
	}
	o := sum(last)
	young := now-o.end < missingWait || now < b.openAt-pastPoint
	switch {
	case o.end > b.latest:
		return o, nothing
	case b.ofSearch(r):
		return o, nothing
	case r.restored && !b.openKnown && (young || r.verdict != waits):
		return o, r.verdict
	case Failed(o.status):
		return o, b.judgeFailed(r, young)
	case b.isOpen(r) || young && (b.lacks(r) || !b.openKnown && b.nodes[r.tree.root] == nil):
		return o, waits
	case onlySnapshots(last):
		switch takes := b.takesBackups(r.history.Policy, now); {
		case young && (takes || b.nodes[r.tree.root] == nil):
			return o, waits
		case takes:
			return o, nothing
		}
	}
	return o, told
}

// pastPoint is how long before the open jobs were listed, in ms, a point of time is one that is told late: what ended after it is not
// observed yet, so that what is missing then was open.
const pastPoint = 30_000

// missingWait is how long a parent that is over waits for a child that was not shown, in ms, and the other way round. The audit
// asks for what is missing every few minutes. What is shown later still corrects the run.
const missingWait = 3_600_000

// judgeFailed is for a run that failed. A job that stands alone, has moved nothing and is of nobody that is known to be a client may be
// the policy's own, as a search for clients that did not find any.
func (b *Book) judgeFailed(r *run, young bool) verdict {
	n := r.nodes[0]
	if b.searches == nil || !r.lone() || n.bytes > 0 || b.children[n.id] > 0 || len(b.openByParent[n.id]) > 0 || r.history.succeeded() {
		return told
	}
	switch yes, known := b.searches(r.history.Policy); {
	case yes:
		return nothing
	case !known && young:
		return waits
	}
	return told
}

// last are the jobs of a run that count: not those of a stream that was begun again by another job, nor those that work for
// other pairs, which are the policy's own.
func (b *Book) last(r *run) []*node {
	kept := r.nodes
	if len(r.nodes) > 1 {
		kept = r.lastTries()
	}
	for i, n := range kept {
		if !b.worksForOthers(r, n) {
			continue
		}
		own := append(make([]*node, 0, len(kept)), kept[:i]...)
		for _, n := range kept[i+1:] {
			if !b.worksForOthers(r, n) {
				own = append(own, n)
			}
		}
		return own
	}
	return kept
}

func (r *run) lastTries() []*node {
	type stream struct {
		parent int64
		number int32
	}
	var last map[stream]*node
	for _, n := range r.nodes {
		if n.stream == 0 || n.children > 0 || n.parent == 0 {
			continue
		}
		if last == nil {
			last = map[stream]*node{}
		}
		s := stream{n.parent, n.stream}
		if before := last[s]; before == nil || n.start > before.end { // streams of one number that overlap are not tries
			last[s] = n
		}
	}
	if len(last) == 0 {
		return r.nodes
	}
	kept := make([]*node, 0, len(r.nodes))
	for _, n := range r.nodes {
		l := last[stream{n.parent, n.stream}]
		if l == nil || l == n || l.start <= n.end || n.children > 0 {
			kept = append(kept, n)
		}
	}
	return kept
}

// sum is the worst of the jobs. Where two are as bad, that of a stream tells more than that of its parent, and the greater status
// stands for the other.
func sum(nodes []*node) outcome {
	o := outcome{bytes: -1, schedule: scheduleOf(nodes)}
	leaf := false
	for i, n := range nodes {
		o.end, o.tries = max(o.end, n.end), max(o.tries, n.try)
		if n.start != 0 && (o.start == 0 || n.start < o.start) {
			o.start = n.start
		}
		if isLeaf := n.children == 0; i == 0 || worse(n.status, isLeaf, o.status, leaf) {
			o.status, leaf = n.status, isLeaf
		}
		if n.children == 0 && n.bytes >= 0 {
			o.bytes = max(o.bytes, 0) + n.bytes
		}
	}
	if o.bytes < 0 {
		for _, n := range nodes {
			o.bytes = max(o.bytes, n.bytes)
		}
	}
	if o.start == 0 {
		o.start = o.end
	}
	return o
}

// scheduleOf is the schedule type of the first job that has one.
func scheduleOf(nodes []*node) string {
	for _, n := range nodes {
		if n.schedule != "" {
			return n.schedule
		}
	}
	return ""
}

func worse(status int32, leaf bool, than int32, thanLeaf bool) bool {
	s, t := severity(status), severity(than)
	switch {
	case s != t:
		return s > t
	case leaf != thanLeaf:
		return leaf
	}
	return status > than
}

// worksForOthers says that a job has children of other pairs than its run's.
func (b *Book) worksForOthers(r *run, n *node) bool {
	all := int(b.children[n.id])
	if all == 0 && len(b.openByParent[n.id]) == 0 && !b.hasTurnedAway(n.id) {
		return false
	}
	for _, child := range r.nodes {
		if child.parent == n.id {
			all--
		}
	}
	if all > 0 || b.hasTurnedAway(n.id) {
		return true
	}
	for _, o := range b.openByParent[n.id] {
		if o.pair() != r.history.Pair {
			return true
		}
	}
	return false
}

// hasTurnedAway says that a job has children whose pair found no room.
func (b *Book) hasTurnedAway(id int64) bool {
	_, yes := b.turnedAway[id]
	return yes
}

// isOpen says that a job of the run is open.
func (b *Book) isOpen(r *run) bool {
	for _, o := range b.openByPair[r.history.Pair] {
		if b.rootOf(o.ID, o.Parent) == r.tree.root {
			return true
		}
	}
	return false
}

// ofSearch says of a run that it is a search for the clients of a policy: a root that has children of which none is known. They work for
// what it found. Some may have been forgotten, over a restart, with the runs that they belonged to.
func (b *Book) ofSearch(r *run) bool {
	n := r.nodes[0]
	if b.searches == nil || len(r.nodes) > 1 || n.parent != 0 || n.children == 0 || b.childrenOf(n.id) > 0 {
		return false
	}
	yes, _ := b.searches(r.history.Policy)
	return yes
}

// lacks says that a job is missing of which it is known that there is one.
func (b *Book) lacks(r *run) bool {
	for _, n := range r.nodes {
		if n.parent != 0 && b.nodes[n.parent] == nil && b.openByID[n.parent] == nil {
			return true
		}
		if n.children > 0 && !b.hasTurnedAway(n.id) && b.childrenOf(n.id) < int(n.children) {
			return true
		}
	}
	return false
}

// childrenOf is how many children of a job are known, whoever they work for.
func (b *Book) childrenOf(id int64) int {
	count := int(b.children[id])
	for _, o := range b.openByParent[id] {
		if b.nodes[o.ID] == nil {
			count++
		}
	}
	return count
}

// onlySnapshots says that nothing but snapshots was made.
func onlySnapshots(nodes []*node) bool {
	some := false
	for _, n := range nodes {
		if n.children == 0 && !n.snapshot {
			return false
		}
		some = some || n.snapshot
	}
	return some
}
