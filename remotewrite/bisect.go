package remotewrite

import (
	"slices"
	"strconv"
	"time"
)

const (
	// canaryAfter is how many requests in a row may be refused before the canary is asked again whether it is still the
	// samples that are refused. What is taken, and so delivers, costs nothing.
	canaryAfter = 16

	// coarseAfter is how many requests in a row fail before what fails is not halved any more.
	coarseAfter = 128

	// singlesAfter is how many requests in a row are refused before halves are not tried any more: where everything is
	// bad, only single samples have a verdict.
	singlesAfter = 16
)

// bisect finds what a receiver does not take of a request that it refused, by halving it again and again: a part that is
// taken is delivered, one that is refused is halved further. Only a sample that was refused by itself is found. Parts are halved
// by series or by time, whichever has told good from bad more often; earlier ones are sent, and have their verdict, before
// later ones, so that a series' points keep their order.
type bisect struct {
	shard   *shard
	window  *window // the refused request alone
	refused []refusal

	aside   bool   // what fails with 5xx is found too
	patient bool   // however much fails: nothing is found in company
	coarse  bool   // so much fails that what does is not halved any more
	counts  bool   // the receiver evaluates each sample and says how many it stored
	streak  int    // requests refused since the last that was taken
	sure    int    // how many of refused came before that, or before a canary that was taken
	failed  bool   // the canary failed too
	told    [2]int // how often each way to halve told good from bad

	again   bool // the receiver may have had this very request before
	earlier bool // an earlier life of this queue may have delivered it, and what follows
	cut     bool // the last series goes on in the next request
}

// refusal is samples that were refused, and the answer.
type refusal struct {
	window *window
	answer answer
}

// isolate gives every sample of a refused request its final verdict.
func (s *shard) isolate(l life, w *window, r request, a answer) error {
	b := &bisect{
		shard: s, window: cutout(w, r.span, r.since), aside: s.fails(&a), cut: r.span.to.point > 0,
		again: s.attempt > 0 || w.repeated || s.endpoint.config.Repeats, earlier: w.earlier && a.ofOrder(),
	}
	s.mode = pieces
	if b.aside {
		s.mode = piecesAside
	}
	defer func() { s.mode, s.counted = requests, false }()
	if err := b.run(l, a); err != nil {
		return err
	}
	s.endpoint.setAside(b.refused)
	return nil
}

func (b *bisect) run(l life, a answer) error {
	if b.aside {
		return b.find(l, b.window, a)
	}
	if a.partial() {
		return b.counted(l, a)
	}
	held, err := b.held(l)
	if err != nil {
		return err
	}
	if held {
		return b.ofHeld(l, a)
	}
	if err := b.find(l, b.window, a); err != nil {
		return err
	}
	return b.sift(l)
}

// find searches for what is bad, and is sure of it.
func (b *bisect) find(l life, w *window, a answer) error {
	if err := b.search(l, w, a); err != nil {
		return err
	}
	return b.confirm(l)
}

// try sends a part and searches in what is refused of it.
func (b *bisect) try(l life, w *window) (taken bool, err error) {
	taken = true
	for sp := w.span(); !sp.empty(); {
		r, a, err := b.shard.send(l, w, sp)
		if err != nil {
			return false, err
		}
		bad := r.samples > 0 && judge(a, false) != delivered
		switch {
		case bad:
			everything, err := b.spend(l)
			if err != nil {
				return false, err
			}
			if everything { // it says nothing of this part
				continue
			}
		case r.samples > 0:
			b.streak, b.sure = 0, len(b.refused)
		}
		b.shard.endpoint.recorder.dropped(r.expired, reasonTooOld)
		sp.from = r.span.to
		if !bad {
			continue
		}
		taken = false
		if err := b.search(l, cutout(w, r.span, r.since), a); err != nil {
			return false, err
		}
	}
	return taken, nil
}

// spend counts a request that delivered nothing, asks the canary when it is time to, and reports whether the receiver had begun to
// refuse everything.
func (b *bisect) spend(l life) (everything bool, err error) {
	b.streak++
	if b.streak%canaryAfter != 0 {
		return false, nil
	}
	v, err := b.ask(l)
	switch {
	case v == again:
		b.streak = 0
	case v == delivered && b.aside && !b.patient && b.streak >= coarseAfter:
		b.coarse = true
	}
	return v > again, err
}

// confirm asks the canary before what was refused last, with nothing taken after it, is given up.
func (b *bisect) confirm(l life) error {
	for b.streak > 0 && len(b.refused) > b.sure {
		if _, err := b.ask(l); err != nil {
			return err
		}
	}
	return nil
}

// ask asks the canary whether it is the samples that are refused. Where the receiver had begun to refuse everything, it waits until
// that is over, and what was refused since something was last taken is searched again.
func (b *bisect) ask(l life) (v verdict, err error) {
	if v, err = b.shard.meet(l); err != nil {
		return v, err
	}
	if v <= again {
		b.sure, b.failed = len(b.refused), b.failed || v == again
		return v, nil
	}
	unsure := slices.Clone(b.refused[b.sure:])
	b.refused, b.streak = b.refused[:b.sure], 0
	for _, r := range unsure {
		if _, err := b.try(l, r.window); err != nil {
			return v, err
		}
	}
	return v, nil
}

// search finds what is bad in a part that was refused.
func (b *bisect) search(l life, w *window, a answer) error {
	for w.samples > 1 && !b.whole(w, &a) {
		singles := b.streak >= singlesAfter
		by, first, second := b.halve(w, singles)
		taken, err := b.try(l, first)
		if err != nil {
			return err
		}
		// What is wrong with a part is wrong with its second half if the first was taken; and among samples
		// that were all refused the rest has no verdict before each has its own.
		if taken != singles && second.samples > 1 {
			if taken {
				b.told[by]++
			}
			w = second
			continue
		}
		takenToo, err := b.try(l, second)
		if taken != takenToo && !singles {
			b.told[by]++
		}
		return err
	}
	if w.samples > 0 {
		b.refused = append(b.refused, refusal{w, a})
	}
	return nil
}

// whole reports whether a part is found as it is.
func (b *bisect) whole(w *window, a *answer) bool {
	return b.coarse && b.shard.fails(a) || b.counts && a.short() && a.written == 0 && a.sent == w.samples
}

// The ways to halve.
const (
	bySeries = iota
	byTime
)

// halve cuts a window of several samples in two, the earlier points first; or, of singles, the first sample from all others.
func (b *bisect) halve(w *window, singles bool) (by int, first, second *window) {
	if singles {
		first, second = w.divide(func(i int) int {
			if i == 0 {
				return 1
			}
			return 0
		})
		return bySeries, first, second
	}
	deep := w.samples > len(w.columns)
	if deep && (len(w.columns) == 1 || b.told[byTime] > b.told[bySeries]) {
		if middle, several := w.medianTime(); several {
			var k walk
			first, second = w.divide(func(i int) int {
				times := k.course(w.timeline, &w.columns[i]).times
				at, _ := slices.BinarySearch(times, middle)
				return at
			})
			return byTime, first, second
		}
	}
	half, seen := w.samples/2, 0
	first, second = w.divide(func(i int) int {
		n := w.columns[i].len()
		take := seen == 0 || seen+n <= half
		seen += n
		if take {
			return n
		}
		return 0
	})
	return bySeries, first, second
}

// divide cuts each column before one of its points.
func (w *window) divide(at func(column int) int) (first, second *window) {
	var early, late []column
	for i, c := range w.columns {
		n := at(i)
		if n > 0 {
			early = append(early, c.cut(0, n))
		}
		if n < c.len() {
			late = append(late, c.cut(n, c.len()))
		}
	}
	return w.part(early), w.part(late)
}

// medianTime is a time that has about as many points before it as behind; several is false where all have one time.
func (w *window) medianTime() (middle int64, several bool) {
	times := make([]int64, 0, w.samples)
	var k walk
	for i := range w.columns {
		times = append(times, k.course(w.timeline, &w.columns[i]).times...)
	}
	slices.Sort(times)
	for _, t := range times[len(times)/2:] {
		if t > times[0] {
			return t, true
		}
	}
	return 0, false
}

// span is all of the window.
func (w *window) span() span { return span{to: place{column: len(w.columns)}} }

// cutout is a window of a span's columns alone, without what had expired.
func cutout(w *window, sp span, since int64) *window {
	var columns []column
	var k walk
	for i := sp.from.column; i <= sp.to.column && i < len(w.columns); i++ {
		c := &w.columns[i]
		from, to := sp.points(i, c.len())
		from += expired(k.course(w.timeline, c).times[from:to], since)
		if from < to {
			columns = append(columns, c.cut(from, to))
		}
	}
	return w.part(columns)
}

// loneRefusals is how many refusals of one request are kept each with the receiver's own words. Further ones share a line.
const loneRefusals = 16

// reject gives samples up that were refused by themselves.
func (e *Endpoint) reject(all []refusal) {
	if len(all) <= loneRefusals {
		for _, r := range all {
			e.rejectSome(r.window, r.window.samples, r.answer)
		}
		return
	}
	for _, r := range byStatus(all) {
		e.rejectSome(r.window, r.window.samples, r.answer)
	}
}

// byStatus merges refusals with one status, in order.
func byStatus(all []refusal) []refusal {
	var merged []refusal
	for _, r := range all {
		at := slices.IndexFunc(merged, func(m refusal) bool { return m.answer.status == r.answer.status })
		if at < 0 {
			merged = append(merged, refusal{r.window.part(slices.Clone(r.window.columns)), r.answer})
			continue
		}
		m := merged[at].window
		for _, c := range r.window.columns {
			m.append(c)
		}
	}
	return merged
}

// append adds a column, or makes the last one longer.
func (w *window) append(c column) {
	w.samples += c.len()
	if n := len(w.columns); n > 0 {
		if last := &w.columns[n-1]; last.series == c.series && last.lane == c.lane && last.to == c.from {
			last.to, last.exemplars = c.to, c.exemplars
			return
		}
	}
	w.columns = append(w.columns, c)
}

// rejectSome gives up n of a window's samples: all, or so many where the receiver told only their number.
func (e *Endpoint) rejectSome(w *window, n int, a answer) {
	r := Rejection{
		Time: time.Now(), Endpoint: e.config.Name, Status: a.status, Words: a.words,
		Samples: n, Series: rejectedSeries(w, w.span()),
	}
	if r.Words == "" && a.status/100 == 2 {
		r.Words = a.describe()
	}
	e.giveUp(r, a.describe())
}

// giveUp counts a rejection and keeps it.
func (e *Endpoint) giveUp(r Rejection, why string) {
	if e.recorder.refused(r.Samples, strconv.Itoa(r.Status)) {
		e.log.Error("the receiver rejected samples", "samples", r.Samples, "series", r.Series[0].String(), "answer", why)
	}
	if e.rejected == nil {
		return
	}
	if err := e.rejected.Reject(r); err != nil {
		e.log.Error("rejected samples cannot be stored", "error", err, "samples", r.Samples)
	}
}
