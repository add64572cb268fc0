package send

import (
	"slices"
	"strings"

	"backwire/remotewrite/window"
)

// A receiver may have stored a request before without our knowing: an attempt was not answered, a run ended before
// it could note the answer, what is sent is a bundle, or the queue was set back by a snapshot of its machine. A database
// without an out-of-order window then takes the last sample of each series again and refuses the others, all of which
// it has. These are repeated and not lost; a sample that is refused for another reason is told from them where the answers
// allow it. That the receiver takes samples as late as these is asked with a canary of that time.

// ofOrder reports whether a refusal may be about the order of a series' samples. That alone shows nothing, because another
// sender may have written what is newer; but where nothing else says that a sample was sent before, a refusal in other
// words, or in none, is about the sample itself. Prometheus, Mimir, Cortex and Thanos say "out of order", "out of bounds"
// or "too old", some with hyphens; where there is another value of this very time they say "duplicate", and it is not repeated.
func (a *answer) ofOrder() bool {
	words := strings.ReplaceAll(strings.ToLower(a.words), "-", " ")
	return strings.Contains(words, "out of order") || strings.Contains(words, "out of bounds") || strings.Contains(words, "too old")
}

// heldProbes is how many series are asked about.
const heldProbes = 4

// held reports whether the receiver seems to have this request's series up to a later time, so that it refuses what
// comes before. It does not take the first of several points of any series that is asked about, although it takes points as
// late from a series that it does not have. One that takes them behind newer ones of their series takes again what it has, so that
// what it refuses is refused for another reason.
func (b *bisect) held(l life) (bool, error) {
	var deep []int
	for i := range b.window.Columns {
		if b.window.Columns[i].Len() > 1 {
			deep = append(deep, i)
		}
	}
	b.shard.counted = true // what is taken here comes once more
	defer func() { b.shard.counted = false }()
	oldest := int64(0)
	for k := range min(heldProbes, len(deep)) { // the last series first: requests went out in their order
		i := deep[len(deep)-1-k*(len(deep)-1)/max(1, min(heldProbes, len(deep))-1)]
		w := b.window.Part([]window.Column{b.window.Columns[i].Cut(0, 1)})
		r, a, err := b.shard.send(l, w, w.Whole())
		if err != nil || r.Samples == 0 || judge(a, false) == delivered {
			return false, err
		}
		if oldest == 0 || r.Newest < oldest {
			oldest = r.Newest
		}
	}
	if oldest == 0 {
		return false, nil
	}
	if behind, err := b.shard.takesBehind(l, oldest); err != nil || behind {
		return false, err
	}
	return b.shard.takesLate(l, oldest)
}

// ofHeld gives a request its verdict that the receiver holds, or the valid parts of it, and that it therefore refuses but for
// the last point of each series.
func (b *bisect) ofHeld(l life, a answer) error {
	early, _, dead, err := b.ends(l)
	if err != nil {
		return err
	}
	e := b.shard.endpoint
	if b.superseded(dead) {
		e.recorder.dropped(early.Samples+len(dead)+b.cutLast(dead), reasonRepeated)
		return nil
	}
	alive, ended := b.split(dead)
	switch had := alive.Early().Samples; {
	case b.again || b.earlier:
		e.recorder.dropped(had+b.cutLast(dead), reasonRepeated)
	case len(dead) > 0:
		e.recorder.stored(had)
	default: // one at least was refused, and nothing tells which
		e.recorder.stored(max(had-1, 0))
		e.rejectSome(alive.Early(), min(had, 1), a)
	}
	if ended.Samples == 0 {
		return nil
	}
	return b.find(l, ended, a)
}

// counted searches where the receiver stored the valid parts and says how many they are.
func (b *bisect) counted(l life, a answer) error {
	e := b.shard.endpoint
	e.recorder.stored(a.written)
	b.shard.counted = true
	again, err := b.takesAgain(l)
	if err == nil && !again && !b.again && !b.earlier { // or all of it is bad that was sent again
		again, err = b.shard.takesBehind(l, b.window.OldestTime())
	}
	if err != nil {
		return err
	}
	if !again {
		return b.byNumber(l, a)
	}
	b.counts = true
	if err := b.find(l, b.window, a); err != nil || b.window.Samples > len(b.window.Columns) {
		return err
	}
	b.byWords = true // where every point is its series' last, nothing shows that it takes them again
	return b.sift(l)
}

// takesAgain reports whether a receiver takes what it has stored already, by sending all but the last point of each
// series once more. If it does, what it refuses is refused for another reason. If not, it takes of each series at most the one that it stored
// last, and none of a series whose last point here it takes.
func (b *bisect) takesAgain(l life) (bool, error) {
	early := b.window.Early()
	if early.Samples == 0 { // every point is its series' last
		return true, nil
	}
	taken, err := b.takes(l, early)
	if err != nil || taken == 0 || taken > len(early.Columns) {
		return taken > 0, err
	}
	_, _, dead, err := b.ends(l)
	if err != nil {
		return false, err
	}
	alive, _ := b.split(dead)
	taken, err = b.takes(l, alive.Early())
	return taken > 0, err
}

// takes is how many samples of a part a receiver takes in a single request, by its count; all where it has none.
func (b *bisect) takes(l life, part *window.Window) (int, error) {
	for {
		r, a, err := b.shard.send(l, part, part.Whole())
		switch {
		case err != nil || r.Samples == 0:
			return 0, err
		case judge(a, false) == delivered:
			return r.Samples, nil
		case a.partial():
			return a.written, nil
		}
		if v, err := b.shard.meet(l); err != nil || v <= again {
			return 0, err
		}
	}
}

// byNumber gives a verdict where the receiver refuses what it has stored, so that only the number of what it refused
// is known, and the series whose last point it refused.
func (b *bisect) byNumber(l life, a answer) error {
	missing := a.sent - a.written
	_, refusedEnds, dead, err := b.ends(l)
	if err != nil {
		return err
	}
	e := b.shard.endpoint
	if b.superseded(dead) {
		e.recorder.dropped(missing, reasonRepeated)
		return nil
	}
	b.refused = append(b.refused, refusedEnds...)
	missing -= len(refusedEnds)
	alive, ended := b.split(dead)
	rest := alive.Early()
	if of := ended.Early(); of.Samples > 0 && of.Samples <= missing {
		b.refused = append(b.refused, refusal{of, a})
		missing -= of.Samples
	} else if rest.Samples == 0 {
		rest = of
	}
	missing = min(missing, rest.Samples+b.cutLast(dead))
	if missing <= 0 { // where nothing was found, the exemplars were refused: they are not sent twice
		return nil
	}
	repeated := b.again || b.earlier
	if repeated {
		if repeated, err = b.shard.takesLate(l, rest.OldestTime()); err != nil {
			return err
		}
	}
	if repeated {
		e.recorder.dropped(missing, reasonRepeated)
	} else {
		e.rejectSome(rest, missing, a)
	}
	return nil
}

// ends sends the last point of each series once more: every receiver that has it takes it again. Early are the points
// before them; dead are the columns whose last point is refused. Where the receiver may have had what follows, the
// last one here of a series that was cut says nothing.
func (b *bisect) ends(l life) (early *window.Window, refused []refusal, dead map[int]bool, err error) {
	var lasts []window.Column
	for i := range b.window.Columns {
		if c := &b.window.Columns[i]; !b.isCut(i) {
			last := c.Cut(c.Len()-1, c.Len())
			last.Exemplars = 0 // they were sent
			lasts = append(lasts, last)
		}
	}
	of := &bisect{shard: b.shard, window: b.window.Part(lasts), counts: b.shard.counted}
	if _, err := of.try(l, of.window); err != nil {
		return nil, nil, nil, err
	}
	if err := of.confirm(l); err != nil {
		return nil, nil, nil, err
	}
	dead = map[int]bool{}
	at := b.columnOf()
	for _, r := range of.refused {
		for _, c := range r.window.Columns {
			dead[at[columnKey{c.Series, c.Lane}]] = true
		}
	}
	return b.window.Early(), of.refused, dead, nil
}

// isCut reports whether a column's last point here is not known to be the last that the receiver may have had.
func (b *bisect) isCut(i int) bool {
	return len(b.goesOn) > 0 && b.goesOn[string(b.window.Dict.AppendIdentity(nil, b.window.Columns[i].Series))]
}

// cutLast is how many points early leaves out of columns that go on in a later request.
func (b *bisect) cutLast(dead map[int]bool) (n int) {
	for i := range b.window.Columns {
		if b.isCut(i) && !dead[i] {
			n++
		}
	}
	return n
}

// superseded reports whether the receiver has newer samples of most series, as after the queue was set back.
func (b *bisect) superseded(dead map[int]bool) bool {
	return b.earlier && 2*len(dead) > len(b.window.Columns)
}

// split parts the columns that are dead from the others.
func (b *bisect) split(dead map[int]bool) (alive, ended *window.Window) {
	var of [2][]window.Column
	for i, c := range b.window.Columns {
		k := 0
		if dead[i] {
			k = 1
		}
		of[k] = append(of[k], c)
	}
	return b.window.Part(of[0]), b.window.Part(of[1])
}

type columnKey struct{ series, lane uint32 }

// columnOf finds a column of the request.
func (b *bisect) columnOf() map[columnKey]int {
	at := make(map[columnKey]int, len(b.window.Columns))
	for i, c := range b.window.Columns {
		at[columnKey{c.Series, c.Lane}] = i
	}
	return at
}

// sift tells what was had from what was refused, where the receiver may have had some of the request. Its last
// sample of a series would be taken again; so a series is lost whose last sample is refused, and so is a sample that is
// refused after an earlier one of its series was taken. Other refused samples are repeated.
func (b *bisect) sift(l life) error {
	if !b.again && !b.earlier || len(b.refused) == 0 {
		return nil
	}
	bad := b.badByColumn()
	dead := map[int]bool{}
	for i, points := range bad {
		if !b.isCut(i) && slices.Contains(points, b.window.Columns[i].Len()-1) {
			dead[i] = true
		}
	}
	repeated := map[columnKey]uint32{} // how far, by column
	for i, points := range bad {
		slices.Sort(points)
		n := 0
		for n < len(points) && points[n] == n {
			n++
		}
		if c := b.window.Columns[i]; n > 0 && (!dead[i] || b.superseded(dead)) {
			repeated[columnKey{c.Series, c.Lane}] = c.From + uint32(n)
		}
	}
	var had, lost []refusal
	at := b.columnOf()
	for _, r := range b.refused {
		c := r.window.Columns[0]
		proven := b.again && !b.byWords && !b.isCut(at[columnKey{c.Series, c.Lane}]) // by the last point of the series
		if c.To <= repeated[columnKey{c.Series, c.Lane}] && (proven || r.answer.ofOrder()) {
			had = append(had, r)
		} else {
			lost = append(lost, r)
		}
	}
	return b.keepHad(l, had, lost)
}

// badByColumn are the refused points of each column.
func (b *bisect) badByColumn() map[int][]int {
	bad, at := map[int][]int{}, b.columnOf()
	for _, r := range b.refused {
		for _, c := range r.window.Columns {
			i := at[columnKey{c.Series, c.Lane}]
			for p := c.From; p < c.To; p++ {
				bad[i] = append(bad[i], int(p-b.window.Columns[i].From))
			}
		}
	}
	return bad
}

// keepHad counts as repeated what a receiver has, where it takes samples as late.
func (b *bisect) keepHad(l life, had, lost []refusal) error {
	if len(had) == 0 {
		return nil
	}
	oldest := int64(0)
	n := 0
	for _, r := range had {
		if t := r.window.OldestTime(); oldest == 0 || t < oldest {
			oldest = t
		}
		n += r.window.Samples
	}
	takes, err := b.shard.takesLate(l, oldest)
	if err != nil || !takes {
		return err
	}
	b.refused = lost
	b.shard.endpoint.recorder.dropped(n, reasonRepeated)
	return nil
}
