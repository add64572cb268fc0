package runs

// outcome is what a run came to.
type outcome struct {
	start, end, bytes int64
	status            int32
	schedule          string
}

// judge says what the run came to, false where that is not known yet or where it is no run of a client. A failure is known at once.
// A success is known when
//   - no job of the run is open,
//   - no parent lacks a child, and no child its parent, unless they have not been shown for [missingWait], and
//   - there is a backup: snapshots alone are a success once their tree has ended, where the policy takes no backups.
func (b *Book) judge(r *run, now int64) (outcome, bool) {
	last := r.lastTries()
	o := sum(last)
	switch {
	case o.end > b.latest || b.isPolicyJob(r):
		return o, false
	case Failed(o.status):
		return o, true
	case b.isOpen(r) || now-o.end < missingWait && b.lacks(r):
		return o, false
	case onlySnapshots(last):
		if b.takesBackups(r.history.Policy, now) {
			return o, false
		}
		return o, b.nodes[r.tree.root] != nil || now-o.end >= missingWait
	}
	return o, true
}

// missingWait is how long a parent that is over waits for a child that was not shown, in ms, and the other way round. The audit
// asks for what is missing every few minutes. What is shown later still corrects the run.
const missingWait = 3_600_000

// lastTries leaves out the jobs of a stream that was begun again by another job.
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
	o := outcome{bytes: -1, schedule: nodes[0].schedule}
	leaf := false
	for i, n := range nodes {
		o.end = max(o.end, n.end)
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

// isPolicyJob says that the run is work of the policy itself: it has no client, or it is of a parent whose children work for others.
func (b *Book) isPolicyJob(r *run) bool {
	if r.history.Client == "" {
		return true
	}
	for _, n := range r.nodes {
		if n.children == 0 || r.hasChildOf(n.id) || !b.worksForOthers(r, n.id) {
			return b.ofPolicy != nil && len(r.nodes) == 1 && n.parent == 0 && n.bytes <= 0 && !r.hasChildOf(n.id) && b.ofPolicy(r.history.Pair)
		}
	}
	return true
}

func (r *run) hasChildOf(id int64) bool {
	for _, n := range r.nodes {
		if n.parent == id {
			return true
		}
	}
	return false
}

// worksForOthers says so of a job without a child in its run.
func (b *Book) worksForOthers(r *run, id int64) bool {
	if b.children[id] > 0 || b.turnedAway[id] {
		return true
	}
	for _, o := range b.openByParent[id] {
		if o.pair() != r.history.Pair {
			return true
		}
	}
	return false
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

// lacks says that a job is missing of which it is known that there is one.
func (b *Book) lacks(r *run) bool {
	for _, n := range r.nodes {
		if n.parent != 0 && b.nodes[n.parent] == nil && b.openByID[n.parent] == nil {
			return true
		}
		if n.children > 0 && !b.turnedAway[n.id] && b.childrenOf(n.id) < int(n.children) {
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
