package runs

import (
	"cmp"
	"maps"
	"slices"
)

// Book keeps the runs of a site. A run stays open to correction until nothing of its tree has ended, or was seen to be open, for 25
// hours: what a server shows up to a day late finds it. Then it is closed, and what it came to is added to the numbers of its pair.
// Runs are closed earlier where there are too many: the oldest first. A Book is used by one goroutine at a time.
type Book struct {
	mostPairs, mostJobs int
	ofPolicy            func(Pair) bool // a job without children and bytes is the policy's own, as far as its configuration says

	histories map[Pair]*history
	nodes     map[int64]*node
	trees     map[int64]*tree // by root
	children  map[int64]int32 // ended ones, by their parent

	openByID     map[int64]*openJob
	openByParent map[int64][]*openJob
	openByPair   map[Pair][]*openJob

	pairs      int            // with a client
	turnedAway map[int64]bool // parents of jobs whose pair found no room
	dirty      map[*history]bool
	waiting    map[*history]bool // something of theirs may become known as time passes
	changed    map[Pair]bool     // since Changes was last called
	latest     int64             // no time behind it is believed, ms of the server's clock
	swept      int64             // when runs were last closed
}

const (
	late = 25 * 3_600_000 // ms after which nothing is shown any more: a day and a little

	mostJobs       = 60_000 // ended ones of runs that may still change
	mostRuns       = 64     // of a pair that may still change
	mostTurnedAway = 4_096
	sweepEvery     = 600_000    // ms
	day            = 86_400_000 // ms
	takesBackups   = 35 * day   // for which a policy is remembered to take backups
)

// NewBook returns an empty book for so many pairs.
func NewBook(pairs int) *Book {
	return &Book{
		mostPairs: pairs, mostJobs: mostJobs,
		histories: map[Pair]*history{}, nodes: map[int64]*node{}, trees: map[int64]*tree{}, children: map[int64]int32{},
		openByID: map[int64]*openJob{}, openByParent: map[int64][]*openJob{}, openByPair: map[Pair][]*openJob{},
		turnedAway: map[int64]bool{}, dirty: map[*history]bool{}, waiting: map[*history]bool{}, changed: map[Pair]bool{},
		latest: 1<<63 - 1,
	}
}

// OfPolicy sets who says of a pair whether its configuration makes a job without children and bytes one of the policy itself.
func (b *Book) OfPolicy(says func(Pair) bool) { b.ofPolicy = says }

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
			b.turnedAway[j.Parent] = true
		}
		return false
	}
	b.noteEnded(j)
	n := b.nodes[j.ID]
	switch {
	case n != nil && n.run.history == h && (n.start == j.Start || n.start == 0 || j.Start == 0 || j.Try > n.try):
		if n.again(j) {
			n.run.tree.touched = max(n.run.tree.touched, n.end)
		}
	default:
		if n != nil { // its id was given again
			b.close(n.run)
		}
		n = &node{id: j.ID, parent: j.Parent}
		n.set(j)
		b.join(n, h)
	}
	b.noteBackup(j)
	b.dirty[h] = true
	if parent := b.nodes[n.parent]; parent != nil {
		b.dirty[parent.run.history] = true
	}
	return true
}

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

// noteBackup remembers that a policy takes backups, and not snapshots alone.
func (b *Book) noteBackup(j *Job) {
	if j.Type != backup || j.Children > 0 || !Succeeded(j.Status) {
		return
	}
	h := b.history(Pair{"", j.Policy})
	if j.End-h.backedUp < day || j.End > b.latest {
		return
	}
	if !b.takesBackups(j.Policy, j.End) { // snapshots of it may have been taken for all that it makes
		for p, other := range b.histories {
			if p.Policy == j.Policy {
				b.dirty[other] = true
			}
		}
	}
	h.backedUp = j.End
	b.dirty[h] = true
}

func (b *Book) takesBackups(policy string, now int64) bool {
	h := b.histories[Pair{"", policy}]
	return h != nil && h.backedUp != 0 && now-h.backedUp < takesBackups
}

// Settle judges what has changed, and gives the pairs whose summary did, in their order. now is ms of the server's clock.
func (b *Book) Settle(now int64) []Pair {
	if now-b.swept >= sweepEvery || now < b.swept {
		b.swept = now
		b.sweep(now)
	}
	if len(b.nodes) > b.mostJobs {
		b.closeOldest()
	}
	maps.Copy(b.dirty, b.waiting)
	clear(b.waiting)
	var pairs []Pair
	for h := range b.dirty {
		if b.settle(h, now) {
			pairs = append(pairs, h.Pair)
		}
	}
	clear(b.dirty)
	slices.SortFunc(pairs, Pair.Compare)
	return pairs
}

// settle judges a pair and says whether its summary changed.
func (b *Book) settle(h *history, now int64) bool {
	b.changed[h.Pair] = true
	if h.Client == "" {
		return false
	}
	for len(h.runs) > mostRuns {
		b.close(oldest(h.runs))
	}
	s, known := b.summarize(h, now)
	for _, r := range h.runs {
		if _, ok := b.judge(r, now); !ok {
			if !b.isPolicyJob(r) {
				b.waiting[h] = true
				continue
			}
			if len(s.Successes) == 0 { // so were those before it, where it had no children to show it
				h.closed, known = closed{}, false
			}
		}
	}
	changed := known != h.known || known && !s.equal(&h.told)
	h.told, h.known = s, known
	return changed
}

func oldest(runs []*run) *run {
	return slices.MinFunc(runs, func(x, y *run) int { return cmp.Compare(x.ended(), y.ended()) })
}

// sweep closes the runs of which nothing can come any more.
func (b *Book) sweep(now int64) {
	for _, o := range b.openByID {
		if t := b.trees[b.rootOf(o.ID, o.Parent)]; t != nil {
			t.touched = max(t.touched, min(o.seen, b.latest))
		}
	}
	for _, t := range b.trees {
		switch {
		case t.touched > b.latest:
			for _, r := range slices.Clone(t.runs) { // of a clock that was wrong
				b.dirty[r.history] = true
				b.drop(r)
			}
		case now-t.touched > late:
			b.closeTree(t, now)
		}
	}
	clear(b.turnedAway)
}

// closeTree closes a tree's runs. All are judged before the first is gone: a parent's children say what it worked for.
func (b *Book) closeTree(t *tree, now int64) {
	all := slices.Clone(t.runs)
	for _, r := range all {
		b.add(r, now)
	}
	for _, r := range all {
		b.forgetRun(r, now)
	}
}

// closeOldest makes room for the jobs that come.
func (b *Book) closeOldest() {
	trees := slices.SortedFunc(maps.Values(b.trees), func(x, y *tree) int { return cmp.Compare(x.touched, y.touched) })
	for _, t := range trees {
		if len(b.nodes) <= b.mostJobs*9/10 {
			return
		}
		b.closeTree(t, t.touched+late)
	}
}

func (b *Book) close(r *run) {
	now := r.ended() + late
	b.add(r, now)
	b.forgetRun(r, now)
}

// add adds what a run came to to the numbers of its pair. One of which it is not known came to nothing.
func (b *Book) add(r *run, now int64) {
	if o, ok := b.judge(r, now); ok {
		r.history.add(o)
	}
}

func (b *Book) forgetRun(r *run, now int64) {
	h := r.history
	b.dirty[h] = true
	b.drop(r)
	if len(h.runs) > 0 || h.attempt != 0 || len(h.tracks) > 0 || b.takesBackups(h.Policy, now) && h.Client == "" {
		return
	}
	delete(b.histories, h.Pair)
	if h.Client != "" {
		b.pairs--
	}
}

// Forget drops the pairs and schedule types whose last run ended before a time, and gives the pairs whose summary it changed. keep
// says which are kept all the same; nil is none.
func (b *Book) Forget(before int64, keep func(p Pair, scheduleType string) bool) []Pair {
	var pairs []Pair
	for p, h := range b.histories {
		if p.Client == "" || len(h.runs) > 0 {
			continue
		}
		n := len(h.tracks)
		h.tracks = slices.DeleteFunc(h.tracks, func(t track) bool {
			return max(t.attempt, t.end) < before && (keep == nil || !keep(p, t.schedule))
		})
		if len(h.tracks) > 0 && n == len(h.tracks) {
			continue
		}
		pairs = append(pairs, p)
		b.changed[p] = true
		if len(h.tracks) == 0 {
			delete(b.histories, p)
			delete(b.dirty, h)
			delete(b.waiting, h)
			b.pairs--
			continue
		}
		h.told, h.known = b.summarize(h, before)
	}
	return pairs
}

// Summary is what is known of a pair; false for one of which no run is known.
func (b *Book) Summary(p Pair) (Summary, bool) {
	h := b.histories[p]
	if h == nil {
		return Summary{}, false
	}
	return h.told, h.known
}

// LastSuccess is when the last successful run of a schedule type started, ms of the server's clock. A success that was remembered
// without its schedule type, as the first releases did, stands in for one.
func (b *Book) LastSuccess(p Pair, scheduleType string) (start int64, known bool) {
	s, _ := b.Summary(p)
	for _, x := range s.Successes {
		if x.ScheduleType == scheduleType || x.ScheduleType == "" && !known {
			start, known = x.Start, true
		}
	}
	return start, known
}
