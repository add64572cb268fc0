package runs

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"backwire/source"
	"backwire/source/netbackup/due"
)

// Each pair is a key of the site's state, so that a run costs what it says and not what is known of ten thousand others:
//
//	run/CLIENT\xffPOLICY = version, backedUp, attempt, seen, status, bytes,
//	  number of tracks, {schedule type, end, duration, attempt, failures, failed}…,
//	  {number of jobs and verdict, root, {flags, id, schedule type, end, duration, bytes, what the flags say}…}…
//
// Numbers are varints: times and ids are differences to the one before. A schedule type is the number of one that was there before,
// the usual ones first, or the next number with its length and its bytes.
const (
	KeyPrefix    = "run/"
	stateVersion = 1
	endOfName    = "\xff" // it is never in UTF-8
)

// words are the schedule types that have a number from the start. The order is that of the state: more may be added at its end with
// a new version only.
func words() []string {
	return []string{due.Full, due.Differential, due.Cumulative, due.Log, due.RedoLog, "USER_BACKUP", "APPLICATION_BACKUP", ""}
}

// Changes are the keys of the pairs that changed since it was last asked. It is called after Settle.
func (b *Book) Changes() []source.Change {
	out := make([]source.Change, 0, len(b.changed))
	for _, p := range slices.SortedFunc(maps.Keys(b.changed), Pair.Compare) {
		c := source.Change{Key: KeyPrefix + p.Client + endOfName + p.Policy}
		if h := b.histories[p]; h != nil && (!h.empty() || h.backedUp != 0) {
			c.Value = h.encode()
		}
		out = append(out, c)
	}
	clear(b.changed)
	return out
}

// writer appends the numbers of a state.
type writer struct {
	b     []byte
	time  int64
	id    int64
	texts []string // that have a number
}

func (w *writer) number(n int64) { w.b = binary.AppendVarint(w.b, n) }

// difference keeps 0 for a time that is not known.
func (w *writer) difference(t, to int64) {
	switch d := to - t; {
	case t == 0:
		w.number(0)
	case d >= 0:
		w.number(d + 1)
	default:
		w.number(d)
	}
}

func (w *writer) at(t int64) {
	w.difference(t, w.time)
	if t != 0 {
		w.time = t
	}
}

func (w *writer) ident(id int64) {
	w.number(id - w.id)
	w.id = id
}

func (w *writer) text(s string) {
	if i := slices.Index(w.texts, s); i >= 0 {
		w.number(int64(i))
		return
	}
	w.number(int64(len(w.texts)))
	w.texts = append(w.texts, s)
	w.number(int64(len(s)))
	w.b = append(w.b, s...)
}

func (h *history) encode() []byte {
	w := &writer{b: append(make([]byte, 0, 64), stateVersion), texts: words()}
	w.at(h.backedUp)
	w.at(h.attempt)
	w.at(h.seen)
	w.number(int64(h.status))
	w.number(h.bytes)
	w.number(int64(len(h.tracks)))
	for i := range h.tracks {
		t := &h.tracks[i]
		w.text(t.schedule)
		w.at(t.end)
		w.difference(t.start, t.end)
		w.at(t.attempt)
		w.number(t.failures)
		w.at(t.failed)
	}
	for _, r := range h.runs {
		w.number(int64(len(r.nodes))<<verdictBits | int64(r.verdict))
		w.ident(r.tree.root)
		for _, n := range r.nodes {
			w.node(n, r.tree.root)
		}
	}
	return w.b
}

const verdictBits = 2

// The flags of a job say what follows of it: what is not as it most often is.
const (
	flagSnapshot = 1 << iota // nothing follows
	flagParent
	flagStatus
	flagTry
	flagChildren
	flagStream
)

// usualParent is that of a job of a tree of two levels.
func usualParent(id, root int64) int64 {
	if id == root {
		return 0
	}
	return root
}

func (n *node) flags(root int64) (flags int64) {
	add := func(is bool, flag int64) {
		if is {
			flags |= flag
		}
	}
	add(n.snapshot, flagSnapshot)
	add(n.parent != usualParent(n.id, root), flagParent)
	add(n.status != 0, flagStatus)
	add(n.try != 1, flagTry)
	add(n.children != 0, flagChildren)
	add(n.stream != 0, flagStream)
	return flags
}

func (w *writer) node(n *node, root int64) {
	flags := n.flags(root)
	w.number(flags)
	w.ident(n.id)
	w.text(n.schedule)
	w.at(n.end)
	w.difference(n.start, n.end)
	w.number(n.bytes)
	rest := func(flag, value int64) {
		if flags&flag != 0 {
			w.number(value)
		}
	}
	rest(flagParent, n.parent)
	rest(flagStatus, int64(n.status))
	rest(flagTry, int64(n.try))
	rest(flagChildren, int64(n.children))
	rest(flagStream, int64(n.stream))
}

// reader takes back what writer wrote.
type reader struct {
	*source.StateReader
	time  int64
	id    int64
	texts []string
}

func (r *reader) difference(to int64) int64 {
	switch d := r.Varint(); {
	case d == 0:
		return 0
	case d > 0:
		return to - d + 1
	default:
		return to - d
	}
}

func (r *reader) at() int64 {
	t := r.difference(r.time)
	if t != 0 {
		r.time = t
	}
	return t
}

func (r *reader) ident() int64 {
	r.id += r.Varint()
	return r.id
}

func (r *reader) text() string {
	i := r.Varint()
	if i >= 0 && i < int64(len(r.texts)) {
		return r.texts[i]
	}
	if i != int64(len(r.texts)) {
		r.Refuse()
	}
	text := r.TextOf(r.Varint())
	if !r.Short() {
		r.texts = append(r.texts, text)
	}
	return text
}

// Restore takes a key of the state back. Restored is to be called when all are.
func (b *Book) Restore(key string, value []byte) error {
	client, policy, ok := strings.Cut(strings.TrimPrefix(key, KeyPrefix), endOfName)
	if !ok || len(value) == 0 || value[0] != stateVersion {
		return fmt.Errorf("state key %q has an unknown version", key)
	}
	h := &history{Pair: Pair{client, policy}}
	r := &reader{StateReader: source.ReadState(value[1:]), texts: words()}
	b.readHistory(h, r)
	if r.Short() {
		return fmt.Errorf("state key %q is truncated", key)
	}
	if client != "" {
		b.pairs++
	}
	b.histories[h.Pair] = h
	return nil
}

func (b *Book) readHistory(h *history, r *reader) {
	h.backedUp = r.at()
	h.attempt = r.at()
	h.seen = r.at()
	h.status = int32(r.Varint())
	h.bytes = r.Varint()
	for range r.Varint() {
		if r.Short() {
			return
		}
		t := track{schedule: r.text(), end: r.at()}
		t.start = r.difference(t.end)
		t.attempt, t.failures, t.failed = r.at(), r.Varint(), r.at()
		h.tracks = append(h.tracks, t)
	}
	var nodes []*node
	for r.More() {
		head, root := r.Varint(), r.ident()
		nodes = nodes[:0]
		for range head >> verdictBits {
			if r.Short() {
				return
			}
			nodes = append(nodes, r.node(root))
		}
		if len(nodes) == 0 {
			r.Refuse()
			return
		}
		b.link(h, root, nodes, verdict(head&(1<<verdictBits-1)))
	}
}

func (r *reader) node(root int64) *node {
	flags := r.Varint()
	n := &node{id: r.ident(), schedule: r.text(), end: r.at(), snapshot: flags&flagSnapshot != 0}
	n.start = r.difference(n.end)
	n.bytes = r.Varint()
	rest := func(flag, usual int64) int64 {
		if flags&flag == 0 {
			return usual
		}
		return r.Varint()
	}
	n.parent = rest(flagParent, usualParent(n.id, root))
	n.status = int32(rest(flagStatus, 0))
	n.try = int32(rest(flagTry, 1))
	n.children = int32(rest(flagChildren, 0))
	n.stream = int32(rest(flagStream, 0))
	return n
}

// link puts the jobs of a run that was read into its tree.
func (b *Book) link(h *history, root int64, nodes []*node, v verdict) {
	t := b.treeOf(root)
	r := t.run(h)
	for _, n := range nodes {
		b.nodes[n.id] = n
		if n.parent != 0 {
			b.children[n.parent]++
		}
		r.add(n)
		t.touched = max(t.touched, n.end)
	}
	r.verdict, r.restored = v, true
	b.dirty[h] = true
}

// Restored is to be called when all keys were taken back; it gives all pairs of which something is known. now is ms of the server's clock.
func (b *Book) Restored(now int64) []Pair {
	for _, h := range b.histories {
		if h.Client != "" {
			h.told = h.summarize(b.outcomes(h, now))
		}
	}
	clear(b.dirty)
	clear(b.changed)
	pairs := slices.SortedFunc(maps.Keys(b.histories), Pair.Compare)
	return slices.DeleteFunc(pairs, func(p Pair) bool { return b.histories[p].told.Attempt == 0 })
}

// Adopt takes what an older version remembered of a pair, which it did not by schedule type. It does nothing for one that is known.
func (b *Book) Adopt(p Pair, s Summary) {
	if b.histories[p] != nil || s.Attempt == 0 {
		return
	}
	h := &history{Pair: p, seen: s.Attempt, closed: closed{attempt: s.Attempt, status: s.Status, bytes: s.Bytes}}
	t := track{schedule: adopted, attempt: s.Attempt, failures: s.Failures}
	if s.Failures > 0 {
		t.failed = s.Attempt
	}
	if len(s.Successes) > 0 {
		t.start, t.end = s.Successes[0].Start, s.Successes[0].End
	}
	h.tracks = []track{t}
	h.told = h.summarize(nil)
	b.histories[p] = h
	b.changed[p] = true
	b.pairs++
}
