package runs

import (
	"cmp"
	"slices"
)

// node is a job that has ended.
type node struct {
	id, parent int64 // 0 for the parent of a root
	start, end int64
	bytes      int64
	status     int32
	try        int32
	children   int32
	stream     int32
	snapshot   bool
	schedule   string
	run        *run
}

// run is the jobs of one tree for one pair.
type run struct {
	tree    *tree
	history *history
	nodes   []*node // by id

	verdict  verdict // when it was judged last
	restored bool    // from a state, and nothing came to it since
	past     bool    // a later success made it good, when it was judged last
}

// tree is the runs whose jobs have one root. A root that is not known yet is known by its id alone.
type tree struct {
	root    int64
	runs    []*run
	touched int64 // latest end, or when a job of it was last seen to be open: ms of the server's clock

	// Nearly all trees are one run of one job. Each piece of memory costs the garbage collector where trees are tens of thousands.
	first      run
	firstOf    [1]*run
	firstNodes [1]*node
}

// deepest is how many parents above a job are followed: the product's trees have four levels.
const deepest = 8

// rootOf follows the parents of a job as far as they are known.
func (b *Book) rootOf(id, parent int64) int64 {
	for range deepest {
		if parent == 0 || parent == id {
			return id
		}
		id = parent
		switch n, o := b.nodes[id], b.openByID[id]; {
		case n != nil:
			parent = n.parent
		case o != nil:
			parent = o.Parent
		default:
			return id
		}
	}
	return id
}

// join puts an ended job into its run. A tree that has it for its root becomes part of the tree above it.
func (b *Book) join(n *node, h *history) {
	root := b.rootOf(n.id, n.parent)
	t := b.treeOf(root)
	b.nodes[n.id] = n
	if n.parent != 0 {
		b.children[n.parent]++
	}
	t.run(h).add(n)
	for _, r := range t.runs {
		if r.verdict == waits { // perhaps for this one
			r.restored = false
		}
	}
	t.touched = max(t.touched, n.end)
	if below := b.trees[n.id]; below != nil && below != t {
		b.merge(t, below)
	}
}

func (b *Book) treeOf(root int64) *tree {
	t := b.trees[root]
	if t == nil {
		t = &tree{root: root}
		b.trees[root] = t
	}
	return t
}

// merge moves what is in a tree into the one that it belongs to.
func (b *Book) merge(into, t *tree) {
	delete(b.trees, t.root)
	into.touched = max(into.touched, t.touched)
	for _, r := range t.runs {
		whole := into.run(r.history)
		for _, n := range r.nodes {
			whole.add(n)
		}
		r.history.remove(r)
		b.touch(r.history)
	}
}

// drop forgets a run and its jobs.
func (b *Book) drop(r *run) {
	for _, n := range r.nodes {
		b.forgetNode(n)
	}
	r.history.remove(r)
	t := r.tree
	t.runs = slices.DeleteFunc(t.runs, func(o *run) bool { return o == r })
	if len(t.runs) == 0 && b.trees[t.root] == t {
		delete(b.trees, t.root)
	}
}

func (b *Book) forgetNode(n *node) {
	if b.nodes[n.id] == n {
		delete(b.nodes, n.id)
	}
	if n.parent == 0 {
		return
	}
	if b.children[n.parent]--; b.children[n.parent] <= 0 {
		delete(b.children, n.parent)
	}
}

// run is the tree's run for a pair.
func (t *tree) run(h *history) *run {
	for _, r := range h.runs {
		if r.tree == t {
			return r
		}
	}
	r := t.newRun()
	r.tree, r.history = t, h
	t.runs = append(t.runs, r)
	h.runs = append(h.runs, r)
	return r
}

// newRun is memory for one, which for the first is the tree's.
func (t *tree) newRun() *run {
	if t.first.tree != nil {
		return &run{}
	}
	t.runs, t.first.nodes = t.firstOf[:0], t.firstNodes[:0]
	return &t.first
}

func (r *run) add(n *node) {
	n.run, r.restored = r, false
	at := len(r.nodes)
	for at > 0 && r.nodes[at-1].id > n.id {
		at--
	}
	r.nodes = append(r.nodes, nil)
	copy(r.nodes[at+1:], r.nodes[at:])
	r.nodes[at] = n
}

// ended is the latest end of the run's jobs.
func (r *run) ended() (end int64) {
	for _, n := range r.nodes {
		end = max(end, n.end)
	}
	return end
}

func (r *run) scheduleType() string { return scheduleOf(r.nodes) }

// lone says of a run that is one job without parent and children: nothing else can belong to it.
func (r *run) lone() bool {
	n := r.nodes[0]
	return len(r.nodes) == 1 && n.parent == 0 && n.children == 0 && len(r.tree.runs) == 1
}

// again takes another ending of a job that is known: the last try counts. It answers false where it is an older one.
func (n *node) again(j *Job) bool {
	if c := cmp.Or(cmp.Compare(j.Try, n.try), cmp.Compare(j.End, n.end)); c < 0 {
		return false
	}
	n.set(j)
	n.run.restored = false
	return true
}

func (n *node) set(j *Job) {
	n.end, n.bytes, n.status, n.try, n.stream = j.End, j.Bytes, j.Status, j.Try, j.Stream
	n.children, n.schedule, n.snapshot = j.Children, j.ScheduleType, j.Type == snapshot
	n.start = cmp.Or(j.Start, n.start)
}
