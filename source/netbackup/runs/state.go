package runs

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"backwire/source"
)

// Each pair is a key of the site's state, so that a run costs what it says and not what is known of ten thousand others:
//
//	run/CLIENT\xffPOLICY = version, backedUp, attempt, status, bytes,
//	  number of tracks, {schedule type, start, end, attempt, failures, failed}…,
//	  {number of jobs, {id, parent, start, end, bytes, status, try, children, stream, snapshot, number of its track or schedule type}…}…
//
// Numbers are varints: times and ids are differences to the one before, a text is its length and its bytes.
const (
	KeyPrefix    = "run/"
	stateVersion = 1
	endOfName    = "\xff" // it is never in UTF-8
)

// Changes are the keys of the pairs that changed since it was last asked.
func (b *Book) Changes() []source.Change {
	out := make([]source.Change, 0, len(b.changed))
	for _, p := range slices.SortedFunc(maps.Keys(b.changed), Pair.Compare) {
		c := source.Change{Key: KeyPrefix + p.Client + endOfName + p.Policy}
		if h := b.histories[p]; h != nil && (h.attempt != 0 || h.backedUp != 0 || len(h.tracks)+len(h.runs) > 0) {
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
	texts []string // that were written
}

func (w *writer) number(n int64) { w.b = binary.AppendVarint(w.b, n) }

func (w *writer) at(t int64) {
	if t == 0 {
		w.number(0)
		return
	}
	d := t - w.time
	if d >= 0 {
		d++ // 0 is none
	}
	w.number(d)
	w.time = t
}

func (w *writer) ident(id int64) {
	w.number(id - w.id)
	w.id = id
}

// text writes one that was not written before, and the number of one that was.
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
	w := &writer{b: append(make([]byte, 0, 64), stateVersion)}
	w.at(h.backedUp)
	w.at(h.attempt)
	w.number(int64(h.status))
	w.number(h.bytes)
	w.number(int64(len(h.tracks)))
	for i := range h.tracks {
		t := &h.tracks[i]
		w.text(t.schedule)
		w.at(t.start)
		w.at(t.end)
		w.at(t.attempt)
		w.number(t.failures)
		w.at(t.failed)
	}
	for _, r := range h.runs {
		w.number(int64(len(r.nodes)))
		w.ident(r.tree.root)
		for _, n := range r.nodes {
			w.node(n)
		}
	}
	return w.b
}

func (w *writer) node(n *node) {
	w.ident(n.id)
	w.number(n.parent)
	w.at(n.start)
	w.at(n.end)
	for _, v := range []int64{n.bytes, int64(n.status), int64(n.try), int64(n.children), int64(n.stream)} {
		w.number(v)
	}
	flags := int64(0)
	if n.snapshot {
		flags = 1
	}
	w.number(flags)
	w.text(n.schedule)
}

// reader takes back what writer wrote. It never gives more than there are bytes.
type reader struct {
	b     []byte
	time  int64
	id    int64
	texts []string
	short bool
}

func (r *reader) number() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.short, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) at() int64 {
	switch d := r.number(); {
	case d == 0:
		return 0
	case d > 0:
		r.time += d - 1
	default:
		r.time += d
	}
	return r.time
}

func (r *reader) ident() int64 {
	r.id += r.number()
	return r.id
}

func (r *reader) text() string {
	i := r.number()
	if i >= 0 && i < int64(len(r.texts)) {
		return r.texts[i]
	}
	n := r.number()
	if i != int64(len(r.texts)) || n < 0 || n > int64(len(r.b)) {
		r.short, r.b = true, nil
		return ""
	}
	s := string(r.b[:n])
	r.b, r.texts = r.b[n:], append(r.texts, s)
	return s
}

// Restore takes a key of the state back. Link is to be called when all are.
func (b *Book) Restore(key string, value []byte) error {
	client, policy, ok := strings.Cut(strings.TrimPrefix(key, KeyPrefix), endOfName)
	if !ok || len(value) == 0 || value[0] != stateVersion {
		return fmt.Errorf("state key %q has an unknown version", key)
	}
	h := &history{Pair: Pair{client, policy}}
	r := &reader{b: value[1:]}
	b.readHistory(h, r)
	if r.short {
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
	h.status = int32(r.number())
	h.bytes = r.number()
	for range r.number() {
		if r.short {
			return
		}
		h.tracks = append(h.tracks, track{schedule: r.text(), start: r.at(), end: r.at(), attempt: r.at(), failures: r.number(), failed: r.at()})
	}
	for len(r.b) > 0 {
		whole := &run{history: h}
		count := r.number()
		root := r.ident()
		for range count {
			if r.short {
				return
			}
			n := r.node()
			n.run = whole
			whole.nodes = append(whole.nodes, n)
		}
		if len(whole.nodes) == 0 {
			r.short = true
			return
		}
		b.link(whole, root)
	}
}

func (r *reader) node() *node {
	n := &node{id: r.ident(), parent: r.number(), start: r.at(), end: r.at(), bytes: r.number()}
	n.status, n.try, n.children, n.stream = int32(r.number()), int32(r.number()), int32(r.number()), int32(r.number())
	n.snapshot = r.number()&1 != 0
	n.schedule = r.text()
	return n
}

// link puts a run that was read into its tree.
func (b *Book) link(r *run, root int64) {
	r.tree = b.treeOf(root)
	r.tree.runs = append(r.tree.runs, r)
	r.history.runs = append(r.history.runs, r)
	for _, n := range r.nodes {
		b.nodes[n.id] = n
		if n.parent != 0 {
			b.children[n.parent]++
		}
		r.tree.touched = max(r.tree.touched, n.end)
	}
	b.dirty[r.history] = true
}

// Restored is to be called when all keys were taken back; it gives all pairs of which something is known. now is ms of the server's clock.
func (b *Book) Restored(now int64) []Pair {
	for _, h := range b.histories {
		if h.Client != "" {
			b.settle(h, now)
		}
	}
	clear(b.dirty)
	clear(b.changed)
	pairs := slices.SortedFunc(maps.Keys(b.histories), Pair.Compare)
	return slices.DeleteFunc(pairs, func(p Pair) bool { return !b.histories[p].known })
}

// Adopt takes what an older version remembered of a pair, which it did not by schedule type. It does nothing for one that is known.
func (b *Book) Adopt(p Pair, s Summary) {
	if b.histories[p] != nil || s.Attempt == 0 {
		return
	}
	h := &history{Pair: p, closed: closed{attempt: s.Attempt, status: s.Status, bytes: s.Bytes}}
	t := track{schedule: adopted, attempt: s.Attempt, failures: s.Failures}
	if s.Failures > 0 {
		t.failed = s.Attempt
	}
	if len(s.Successes) > 0 {
		t.start, t.end = s.Successes[0].Start, s.Successes[0].End
	}
	h.tracks = []track{t}
	h.told, h.known = b.summarize(h, s.Attempt)
	b.histories[p] = h
	b.changed[p] = true
	b.pairs++
}
