package send

import (
	"slices"
	"strconv"
	"time"

	"backwire/remotewrite/window"
	"backwire/remotewrite/wire"
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
	window  *window.Window // the refused request alone
	refused []refusal

	aside   bool   // what fails with 5xx is found too
	patient bool   // however much fails: nothing is found in company
	coarse  bool   // so much fails that what does is not halved any more
	counts  bool   // the receiver evaluates each sample and says how many it stored
	streak  int    // requests refused since the last that was taken
	sure    int    // how many of refused came before that, or before a canary that was taken
	failed  bool   // the canary failed too
	told    [2]int // how often each way to halve told good from bad

	again   bool            // the receiver may have had this very request before
	byWords bool            // only its words tell a refusal of what the receiver has from another
	earlier bool            // an earlier life of this queue may have delivered it, and what follows
	goesOn  map[string]bool // series, by identity, of which more follows that the receiver may have had
}

// refusal is samples that were refused, and the answer.
type refusal struct {
	window *window.Window
	answer answer
}

// isolate gives every sample of a refused request its final verdict.
func (s *shard) isolate(l life, w *window.Window, r wire.Request, a answer) error {
	b := &bisect{
		shard: s, window: window.Cutout(w, r.Span, r.Since), aside: s.fails(&a),
		again: s.attempt > 0 || w.Repeated || s.endpoint.config.Repeats, earlier: w.Earlier && a.ofOrder(),
	}
	if b.again || b.earlier {
		b.goesOn = w.Following(r.Span.To)
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
	if len(b.refused) == 0 { // all of it was taken in parts: Mimir answers 400 to a request too large
		b.shard.endpoint.sizing.tooLarge(b.window.Samples)
	}
	return b.sift(l)
}

// find searches for what is bad, and is sure of it.
func (b *bisect) find(l life, w *window.Window, a answer) error {
	if err := b.search(l, w, a); err != nil {
		return err
	}
	return b.confirm(l)
}

// try sends a part and searches in what is refused of it.
func (b *bisect) try(l life, w *window.Window) (taken bool, err error) {
	taken = true
	for sp := w.Whole(); !sp.Empty(); {
		r, a, err := b.shard.send(l, w, sp)
		if err != nil {
			return false, err
		}
		bad := r.Samples > 0 && judge(a, false) != delivered
		switch {
		case bad:
			everything, err := b.spend(l)
			if err != nil {
				return false, err
			}
			if everything { // it says nothing of this part
				continue
			}
		case r.Samples > 0:
			b.streak, b.sure = 0, len(b.refused)
		}
		b.shard.endpoint.expired(w, r)
		sp.From = r.Span.To
		if !bad {
			continue
		}
		taken = false
		if err := b.search(l, window.Cutout(w, r.Span, r.Since), a); err != nil {
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
func (b *bisect) search(l life, w *window.Window, a answer) error {
	for w.Samples > 1 && !b.whole(w, &a) {
		singles := b.streak >= singlesAfter
		by, first, second := b.halve(w, singles)
		taken, err := b.try(l, first)
		if err != nil {
			return err
		}
		// What is wrong with a part is wrong with its second half if the first was taken; and among samples
		// that were all refused the rest has no verdict before each has its own.
		if taken != singles && second.Samples > 1 {
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
	if w.Samples > 0 {
		b.refused = append(b.refused, refusal{w, a})
	}
	return nil
}

// whole reports whether a part is found as it is.
func (b *bisect) whole(w *window.Window, a *answer) bool {
	return b.coarse && b.shard.fails(a) || b.counts && a.short() && a.written == 0 && a.sent == w.Samples
}

// The ways to halve.
const (
	bySeries = iota
	byTime
)

// halve cuts a window of several samples in two, the earlier points first; or, of singles, the first sample from all others.
func (b *bisect) halve(w *window.Window, singles bool) (by int, first, second *window.Window) {
	if singles {
		first, second = w.Divide(func(i int) int {
			if i == 0 {
				return 1
			}
			return 0
		})
		return bySeries, first, second
	}
	deep := w.Samples > len(w.Columns)
	if deep && (len(w.Columns) == 1 || b.told[byTime] > b.told[bySeries]) {
		if middle, several := w.MedianTime(); several {
			var k window.Walk
			first, second = w.Divide(func(i int) int {
				times := k.Runs(w, &w.Columns[i]).Times
				at, _ := slices.BinarySearch(times, middle)
				return at
			})
			return byTime, first, second
		}
	}
	half, seen := w.Samples/2, 0
	first, second = w.Divide(func(i int) int {
		n := w.Columns[i].Len()
		take := seen == 0 || seen+n <= half
		seen += n
		if take {
			return n
		}
		return 0
	})
	return bySeries, first, second
}

// loneRefusals is how many refusals of one request are kept each with the receiver's own words. Further ones share a line.
const loneRefusals = 16

// reject gives samples up that were refused by themselves.
func (e *Endpoint) reject(all []refusal) {
	if len(all) <= loneRefusals {
		for _, r := range all {
			e.rejectSome(r.window, r.window.Samples, r.answer)
		}
		return
	}
	for _, r := range byStatus(all) {
		e.rejectSome(r.window, r.window.Samples, r.answer)
	}
}

// byStatus merges refusals with one status, in order.
func byStatus(all []refusal) []refusal {
	var merged []refusal
	for _, r := range all {
		at := slices.IndexFunc(merged, func(m refusal) bool { return m.answer.status == r.answer.status })
		if at < 0 {
			merged = append(merged, refusal{r.window.Part(slices.Clone(r.window.Columns)), r.answer})
			continue
		}
		m := merged[at].window
		for _, c := range r.window.Columns {
			m.Append(c)
		}
	}
	return merged
}

// rejectSome gives up n of a window's samples: all, or so many where the receiver told only their number.
func (e *Endpoint) rejectSome(w *window.Window, n int, a answer) {
	r := Rejection{
		Time: time.Now(), Endpoint: e.config.Name, Status: a.status, Words: a.words,
		Samples: n, Series: rejectedSeries(w, w.Whole()),
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
