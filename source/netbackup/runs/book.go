package runs

import (
	"cmp"
	"maps"
	"slices"
)

// Book keeps the runs of a site. A run stays open to correction until nothing of its tree has ended, or was seen to be open, for 25
// hours: what a server shows up to a day late finds it. Then it is closed, and what it came to is added to the numbers of its pair.
// Runs are closed earlier where there are too many, the oldest first, and where nothing would be told of them: see [Book.tidy].
// A Book is used by one goroutine at a time.
type Book struct {
	mostPairs, mostJobs int
	searches            func(policy string) (yes, known bool) // for its clients, as far as its configuration says

	histories map[Pair]*history
	nodes     map[int64]*node
	trees     map[int64]*tree // by root
	children  map[int64]int32 // ended ones, by their parent

	openKnown    bool  // since the book was made
	openAt       int64 // when the open jobs were listed last, ms of the server's clock
	openByID     map[int64]*openJob
	openByParent map[int64][]*openJob
	openByPair   map[Pair][]*openJob

	pairs      int             // with a client
	turnedAway map[int64]int64 // parents of jobs whose pair found no room, and the end of the last of them
	dirty      map[*history]bool
	waiting    map[*history]bool // something of theirs may become known as time passes
	changed    map[Pair]bool     // since Changes was last called
	latest     int64             // no time behind it is believed, ms of the server's clock
	swept      int64             // when runs were last closed
}

const (
	late = 25 * 3_600_000 // ms after which nothing is shown any more: a day and a little

	mostJobs         = 60_000 // ended ones of runs that may still change
	mostRuns         = 64     // of a pair that may still change, but for those
	mostRunsUnderWay = 256    // of which a job is open or missing
	mostTurnedAway   = 4_096
	sweepEvery       = 600_000    // ms
	day              = 86_400_000 // ms
	takesBackups     = 35 * day   // for which a policy is remembered to take backups
)

// NewBook returns an empty book for so many pairs.
func NewBook(pairs int) *Book {
	return &Book{
		mostPairs: pairs, mostJobs: mostJobs,
		histories: map[Pair]*history{}, nodes: map[int64]*node{}, trees: map[int64]*tree{}, children: map[int64]int32{},
		openByID: map[int64]*openJob{}, openByParent: map[int64][]*openJob{}, openByPair: map[Pair][]*openJob{},
		turnedAway: map[int64]int64{}, dirty: map[*history]bool{}, waiting: map[*history]bool{}, changed: map[Pair]bool{},
		latest: 1<<63 - 1,
	}
}

// Searches sets who says of a policy whether it searches for its clients, and whether that is known. A failed job of one that does may
// be the search itself.
func (b *Book) Searches(says func(policy string) (yes, known bool)) { b.searches = says }

// Believe sets the time behind which none is believed, ms of the server's clock.
func (b *Book) Believe(latest int64) { b.latest = latest }

// Room says whether another pair finds room.
func (b *Book) Room() bool { return b.pairs < b.mostPairs }

// Observe takes a job that has ended. It answers false for one whose pair finds no room.
func (b *Book) Observe(j *Job) bool {
	if !j.Works() || j.End == 0 {
		return true
	}
	if j.Parent == j.ID {
		j.Parent = 0
	}
	p := j.pair()
	h := b.history(p)
	if h == nil {
		if j.Parent != 0 && len(b.turnedAway) < mostTurnedAway {
			b.turnedAway[j.Parent] = max(b.turnedAway[j.Parent], j.End)
		}
		return false
	}
	b.noteEnded(j)
	if h.ended != 0 {
		h.ended, h.told = 0, Summary{} // all is to be told again
	}
	n := b.nodes[j.ID]
	switch {
	case n != nil && n.run.history == h && (n.start == j.Start || n.start == 0 || j.Start == 0 || j.Try > n.try):
		if n.again(j) {
			n.run.tree.touched = max(n.run.tree.touched, n.end)
		}
	default:
		if n != nil { // its id was given again
			b.close([]*run{n.run}, n.run.ended()+late)
		}
		n = &node{id: j.ID, parent: j.Parent}
		n.set(j)
		b.join(n, h)
	}
	b.noteBackup(j)
	h.seen = max(h.seen, min(j.End, b.latest))
	b.touch(h)
	if parent := b.nodes[n.parent]; parent != nil {
		b.dirty[parent.run.history], parent.run.restored = true, false
	}
	return true
}

// touch notes that a pair is to be judged, and its state to be written.
func (b *Book) touch(h *history) { b.dirty[h], b.changed[h.Pair] = true, true }

func (b *Book) history(p Pair) *history {
	h := b.histories[p]
	if h == nil {
		if p.Client != "" && !b.Room() {
			return nil
		}
		h = &history{Pair: p}
		b.histories[p] = h
		if p.Client != "" {
			b.pairs++
		}
	}
	return h
}

// noteBackup remembers that a policy takes backups, and not snapshots alone. A failed job that stands alone and has moved nothing may
// have been to take a snapshot.
func (b *Book) noteBackup(j *Job) {
	if j.Type != backup || j.Children > 0 || !Succeeded(j.Status) && j.Parent == 0 && j.Bytes <= 0 {
		return
	}
	b.TakesBackups(j.Policy, j.End)
}

// TakesBackups notes that a policy takes backups, and not snapshots alone, as of a time: ms of the server's clock.
func (b *Book) TakesBackups(policy string, at int64) {
	h := b.history(Pair{"", policy})
	if at-h.backedUp < day || at > b.latest {
		return
	}
	if !b.takesBackups(policy, at) { // snapshots of it may have been taken for all that it makes
		for p, other := range b.histories {
			if p.Policy == policy {
				b.dirty[other] = true
				for _, r := range other.runs {
					r.restored = false
				}
			}
		}
	}
	h.backedUp = at
	b.touch(h)
}

func (b *Book) takesBackups(policy string, now int64) bool {
	h := b.histories[Pair{"", policy}]
	return h != nil && h.backedUp != 0 && now-h.backedUp < takesBackups
}

// Settle judges what has changed, and gives the pairs whose summary did, in their order. now is ms of the server's clock.
func (b *Book) Settle(now int64) []Pair {
	if now-b.swept >= sweepEvery || now < b.swept {
		b.swept = now
		b.forgetEnded(now)
		b.sweep(now)
	}
	if len(b.nodes) > b.mostJobs {
		b.closeOldest()
	}
	maps.Copy(b.dirty, b.waiting)
	clear(b.waiting)
	var pairs []Pair
	for len(b.dirty) > 0 { // judging one may close runs that belong to others
		dirty := b.dirty
		b.dirty = map[*history]bool{}
		for h := range dirty {
			if b.histories[h.Pair] == h && b.settle(h, now) {
				pairs = append(pairs, h.Pair)
			}
		}
	}
	slices.SortFunc(pairs, Pair.Compare)
	return slices.Compact(pairs)
}

// settle judges a pair and says whether its summary changed.
func (b *Book) settle(h *history, now int64) bool {
	if h.Client == "" {
		return false
	}
	for _, r := range b.tooMany(h) {
		b.close(slices.Clone(r.tree.runs), r.tree.touched+late)
	}
	known := b.tidy(h, b.outcomes(h, now), now)
	h.seen = min(h.seen, b.latest)
	if h.unbelieve(b.latest) {
		b.changed[h.Pair] = true
	}
	s := h.summarize(known)
	changed := !s.equal(&h.told)
	h.told = s
	return changed
}

// tooMany are the runs of a pair that are closed to make room, the oldest first. What is under way would become a second run if it were
// closed: it goes last, and there may be more of it.
func (b *Book) tooMany(h *history) []*run {
	if len(h.runs) <= mostRuns {
		return nil
	}
	runs := slices.SortedFunc(slices.Values(h.runs), func(x, y *run) int { return cmp.Compare(x.ended(), y.ended()) })
	var over, underWay []*run
	for _, r := range runs {
		if slices.ContainsFunc(r.tree.runs, b.underWay) {
			underWay = append(underWay, r)
		} else {
			over = append(over, r)
		}
	}
	if most := len(runs) - mostRuns; len(over) >= most {
		return over[:most]
	}
	return append(over, underWay[:max(0, len(underWay)-mostRunsUnderWay)]...)
}

// underWay says of a run that a job of it is open or missing.
func (b *Book) underWay(r *run) bool { return b.isOpen(r) || b.lacks(r) }

// tidy closes the runs which nothing else can belong to, where they are neither the last attempt nor one of the last two successes of their type, and
// where a closed success has made them good: one that may still change makes nothing good for ever. What they would tell is in the
// numbers then. It gives what is left, in the same memory.
func (b *Book) tidy(h *history, known []judged, now int64) (left []judged) {
	var over []*tree
	left = known[:0]
	for i, x := range known {
		if Succeeded(x.status) {
			x.run.past = successesAfter(x, known[i+1:]) >= 2
		} else {
			x.run.past = x.end < h.goodUntil(x.schedule)
		}
		switch {
		case !x.run.past:
		case x.run.lone():
			h.add(x.outcome, true)
			b.changed[h.Pair] = true
			b.drop(x.run)
			continue
		case b.isPast(x.run.tree, now):
			over = append(over, x.run.tree)
		}
		left = append(left, x)
	}
	for _, t := range over {
		b.close(slices.Clone(t.runs), now)
	}
	return left
}

// successesAfter counts those of the schedule type of a success that came after it. The last may turn out to be none: then the one
// before it is the last.
func successesAfter(x judged, later []judged) (n int) {
	for _, y := range later {
		if y.end > x.end && Succeeded(y.status) && y.schedule == x.schedule {
			n++
		}
	}
	return n
}

// isPast says of a tree that has been whole for a while that nothing is told of it any more.
func (b *Book) isPast(t *tree, now int64) bool {
	return now-t.touched > missingWait && b.nodes[t.root] != nil && !slices.ContainsFunc(t.runs, func(r *run) bool {
		return r.history.Client != "" && !r.past && r.verdict != nothing || b.underWay(r)
	})
}

// sweep closes the runs of which nothing can come any more.
func (b *Book) sweep(now int64) {
	for _, o := range b.openByID {
		if t := b.trees[b.rootOf(o.ID, o.Parent)]; t != nil {
			t.touched = max(t.touched, min(o.seen, b.latest))
		}
	}
	for _, h := range b.histories {
		if h.hasBehind(b.latest) {
			b.dirty[h] = true
		}
	}
	over := map[*tree]bool{}
	for _, t := range b.trees {
		switch {
		case t.touched > b.latest:
			for _, r := range slices.Clone(t.runs) { // of a clock that was wrong
				b.touch(r.history)
				b.drop(r)
			}
		case now-t.touched > late:
			over[t] = true
		}
	}
	for n := -1; n != len(over); {
		n = len(over)
		maps.DeleteFunc(over, func(t *tree, _ bool) bool { return b.overtakes(t, over) })
	}
	var runs []*run
	for t := range over {
		runs = append(runs, t.runs...)
	}
	b.close(runs, now)
	maps.DeleteFunc(b.turnedAway, func(_, end int64) bool { return now-end > late || now < end })
}

// overtakes says of a tree that a run of it ended after another of its pair which may still change. It waits for that one: what is
// counted is how many failures came after the last success.
func (b *Book) overtakes(t *tree, over map[*tree]bool) bool {
	return slices.ContainsFunc(t.runs, func(r *run) bool {
		return slices.ContainsFunc(r.history.runs, func(o *run) bool { return !over[o.tree] && o.ended() < r.ended() })
	})
}

// closeOldest makes room for the jobs that come.
func (b *Book) closeOldest() {
	trees := slices.SortedFunc(maps.Values(b.trees), func(x, y *tree) int { return cmp.Compare(x.touched, y.touched) })
	jobs := len(b.nodes)
	var over []*run
	for _, t := range trees {
		if jobs <= b.mostJobs*9/10 {
			break
		}
		for _, r := range t.runs {
			jobs -= len(r.nodes)
		}
		over = append(over, t.runs...)
	}
	for _, r := range over {
		r.restored = false
	}
	if len(over) > 0 {
		b.close(over, over[len(over)-1].tree.touched+late)
	}
}

// close adds what runs came to to the numbers of their pairs, in the order of their ends. Those of which it is not known came to
// nothing. All are judged before the first is gone: a parent's children say what it worked for.
func (b *Book) close(over []*run, now int64) {
	for _, x := range b.judgeAll(over, now) {
		x.run.history.add(x.outcome, x.run.past)
	}
	for _, r := range over {
		h := r.history
		b.touch(h)
		b.drop(r)
		if h.empty() && (h.Client != "" || !b.takesBackups(h.Policy, now)) {
			b.remove(h)
		}
	}
}

// remove forgets a pair of which nothing is known any more, but for what was told.
func (b *Book) remove(h *history) {
	b.touch(h)
	h.backedUp = 0
	if h.Client == "" {
		delete(b.histories, h.Pair)
		delete(b.dirty, h)
	}
}

// Forget drops the pairs and schedule types whose last run ended before a time, and gives the pairs whose summary it changed. keep
// says which are kept all the same; nil is none. now is ms of the server's clock.
func (b *Book) Forget(before, now int64, keep func(p Pair, scheduleType string) bool) []Pair {
	var pairs []Pair
	for p, h := range b.histories {
		if p.Client == "" {
			if len(h.runs) == 0 && !b.takesBackups(p.Policy, now) {
				b.remove(h)
			}
			continue
		}
		old := func(t track) bool {
			return max(t.attempt, t.end) < before && (keep == nil || !keep(p, t.scheduleType()))
		}
		if len(h.runs) > 0 || !slices.ContainsFunc(h.tracks, old) && !h.empty() {
			continue
		}
		h.tracks = slices.DeleteFunc(h.tracks, old)
		b.changed[p] = true
		pairs = append(pairs, p)
		if len(h.tracks) == 0 {
			b.forget(h)
			continue
		}
		h.told = h.summarize(nil)
	}
	return pairs
}

// End makes an end of a pair at once: nothing is told of it any more. now is ms of the server's clock. What is known of it is kept as long as a job of
// it may still be shown; with that it goes on.
func (b *Book) End(p Pair, now int64) {
	if h := b.histories[p]; h != nil {
		h.ended = max(now, 1)
	}
}

// forgetEnded forgets the pairs of which no job is shown any more. Their jobs still say for whom their parents worked.
func (b *Book) forgetEnded(now int64) {
	for _, h := range slices.Collect(maps.Values(b.histories)) {
		if h.ended != 0 && (now-h.ended > late || now < h.ended) {
			b.forgetWhole(h)
		}
	}
}

func (b *Book) forgetWhole(h *history) {
	for len(h.runs) > 0 {
		r := h.runs[0]
		b.close(slices.Clone(r.tree.runs), r.tree.touched+late)
	}
	b.forget(h)
}

func (b *Book) forget(h *history) {
	delete(b.histories, h.Pair)
	delete(b.dirty, h)
	delete(b.waiting, h)
	b.changed[h.Pair] = true
	b.pairs--
}

// Has says whether a pair has found room.
func (b *Book) Has(p Pair) bool { return b.histories[p] != nil }

// Seen is when the last job of a pair ended, whatever came of it, ms of the server's clock; 0 where none is known.
func (b *Book) Seen(p Pair) int64 {
	if h := b.histories[p]; h != nil {
		return h.seen
	}
	return 0
}

// Summary is what is known of a pair; false for one of which no run is known.
func (b *Book) Summary(p Pair) (Summary, bool) {
	h := b.histories[p]
	if h == nil || h.ended != 0 || h.told.Attempt == 0 {
		return Summary{}, false
	}
	return h.told, true
}
