package netbackup

import (
	"math"
	"slices"
	"strconv"

	"backwire/source"
	"backwire/source/collect"
)

// cell is a durable series and its value.
type cell struct {
	series source.Series // each piece of memory costs where cells are tens of thousands
	value  float64
}

// counters are the cells of a site: every counter and histogram that finished jobs change.
// Cells keep their place, so that batch after batch has the same series at the same place.
type counters struct {
	c     *catalogue
	site  string
	birth int64 // start of the series that are made now: ms since the epoch

	limit   int // of series of finished jobs
	made    int // such series
	overCap collect.OverCap

	policies policyDays // with counters of their own

	cells []*cell
	fresh []*source.Series // made since they were last taken: they are to be written as 0 first

	kinds   map[kindKey]*jobKind
	works   map[workKey]*work
	timings map[timingKey]*timing

	catalogBackup *cell
	unseen        *cell
	resets        *cell
	overflow      *cell
	folded        *cell
	problems      map[string]**cell          // by field
	unreadable    map[string]*unreadableRows // by collector

	exemplars []source.Exemplar // of the endings since the last aligned time
	last      map[*cell]int     // index of the cell's exemplar
}

type (
	kindKey   struct{ jobType, policyType, policy, scheduleType string }
	workKey   struct{ jobType, policyType, policy string }
	timingKey struct{ jobType, policyType string }
)

// jobKind is what many jobs have in common, and where they are counted.
type jobKind struct {
	kindKey
	work      *work
	timing    *timing
	completed []completed // by status and parent: few
}

type completed struct {
	status int32
	parent bool
	cell   *cell
}

type work struct{ bytes, moved, files, retries *cell }

type timing struct{ duration, wait *histogram }

// histogram is the series of a classic histogram: its buckets are cumulative.
type histogram struct {
	bounds  []float64
	buckets []*cell // one for each bound, and +Inf
	sum     *cell
	count   *cell
}

func newCounters(c *catalogue, site string, limit int) *counters {
	return &counters{
		c: c, site: site, limit: limit,
		kinds: map[kindKey]*jobKind{}, works: map[workKey]*work{}, timings: map[timingKey]*timing{},
		policies: newPolicyDays(), problems: map[string]**cell{}, last: map[*cell]int{},
		unreadable: map[string]*unreadableRows{},
	}
}

// kind is that of labels: the same pointer for the same ones.
func (t *counters) kind(k kindKey) *jobKind {
	if kind := t.kinds[k]; kind != nil {
		return kind
	}
	kind := &jobKind{
		kindKey: k,
		work:    t.workOf(workKey{k.jobType, k.policyType, k.policy}),
		timing:  t.timingOf(timingKey{k.jobType, k.policyType}),
	}
	t.kinds[k] = kind
	return kind
}

func (t *counters) workOf(k workKey) *work {
	w := t.works[k]
	if w == nil {
		w = &work{}
		t.works[k] = w
	}
	return w
}

func (t *counters) timingOf(k timingKey) *timing {
	g := t.timings[k]
	if g == nil {
		g = &timing{}
		t.timings[k] = g
	}
	return g
}

// count adds an ending. before is the try at which the job was counted earlier, uncounted
// for a job that was not; at is the time that exemplars carry.
func (t *counters) count(e *ending, before int32, at int64) {
	k := t.admit(e.kind)
	t.policies.note(k.policy, at)
	done := t.completedCell(k, e)
	done.value++
	t.exemplify(done, e.ID, 1, at)
	if e.parent {
		return
	}
	t.countWork(k, e, before)
	t.countTimes(k, e, at)
}

// otherPolicies is the policy under which jobs are counted whose own has no room.
const otherPolicies = "(other policies)"

// admit is the kind under which jobs of a kind are counted: that of all other policies where
// the kind has no series yet and the cap is reached. So the sum over the policies stays true.
func (t *counters) admit(k *jobKind) *jobKind {
	if len(k.completed) > 0 || t.made < t.limit || !counts(k.policy) {
		t.overCap.Forget(k.policy)
		return k
	}
	t.overCap.TurnAway(k.policy)
	t.bump(&t.folded, t.c.folded, 1)
	return t.kind(kindKey{k.jobType, k.policyType, otherPolicies, k.scheduleType})
}

func (t *counters) countWork(k *jobKind, e *ending, before int32) {
	w := k.work
	labels := []string{k.jobType, k.policyType, k.policy}
	add := func(c **cell, f *collect.Family, n int64) {
		if n < 0 {
			return
		}
		if *c == nil {
			*c = t.counter(f, labels...)
		}
		(*c).value += float64(n)
	}
	add(&w.bytes, t.c.bytes, e.bytes)
	add(&w.moved, t.c.moved, e.moved)
	add(&w.files, t.c.files, e.files)
	add(&w.retries, t.c.retries, int64(max(e.Try, 1)-max(before, 1)))
}

func (t *counters) countTimes(k *jobKind, e *ending, at int64) {
	g := k.timing
	if s, ok := e.seconds(); ok {
		if g.duration == nil {
			g.duration = t.histogram(t.c.duration, timingLabels(t.c.duration, k.jobType, k.policyType)...)
		}
		t.observe(g.duration, e.ID, s, at)
	}
	if s, ok := e.waited(); ok {
		if g.wait == nil {
			g.wait = t.histogram(t.c.queueWait, k.jobType, k.policyType)
		}
		t.observe(g.wait, e.ID, s, at)
	}
}

func (t *counters) observe(h *histogram, id int64, v float64, at int64) {
	first, _ := slices.BinarySearch(h.bounds, v)
	for _, b := range h.buckets[first:] {
		b.value++
	}
	h.sum.value += v
	h.count.value++
	t.exemplify(h.buckets[first], id, v, at)
}

func (t *counters) completedCell(k *jobKind, e *ending) *cell {
	for _, c := range k.completed {
		if c.status == e.status && c.parent == e.parent {
			return c.cell
		}
	}
	status := ""
	if e.status >= 0 {
		status = strconv.Itoa(int(e.status))
	}
	c := t.counter(t.c.completed, k.jobType, k.policyType, k.policy, k.scheduleType,
		result(e.status), status, strconv.FormatBool(e.parent))
	k.completed = append(k.completed, completed{e.status, e.parent, c})
	return c
}

// exemplify keeps the last job of the interval as the series' exemplar.
func (t *counters) exemplify(c *cell, id int64, v float64, at int64) {
	i, ok := t.last[c]
	if !ok {
		i = len(t.exemplars)
		t.last[c] = i
		t.exemplars = append(t.exemplars, source.Exemplar{Series: &c.series, Labels: make([]source.Label, 1)})
	}
	x := &t.exemplars[i]
	x.Labels[0] = source.Label{Name: "job_id", Value: strconv.FormatInt(id, 10)}
	x.Value, x.T = v, at
}

// takeExemplars gives the exemplars since it was last asked.
func (t *counters) takeExemplars() []source.Exemplar {
	out := t.exemplars
	t.exemplars = nil
	clear(t.last)
	return out
}

// takeFresh gives the series that were made since it was last asked.
func (t *counters) takeFresh() []*source.Series {
	out := t.fresh
	t.fresh = nil
	return out
}

// counter makes a cell that is to be written as 0 first.
func (t *counters) counter(f *collect.Family, values ...string) *cell {
	return t.suffixed(f, "", values...)
}

// bump adds to a counter that has no labels of its own.
func (t *counters) bump(c **cell, f *collect.Family, by float64) {
	if *c == nil {
		*c = t.counter(f)
	}
	(*c).value += by
}

func (t *counters) histogram(f *collect.Family, values ...string) *histogram {
	h := newHistogram(f)
	for i := range h.buckets {
		h.buckets[i] = t.suffixed(f, suffixBucket, append(values, le(f, i))...)
	}
	h.sum = t.suffixed(f, suffixSum, values...)
	h.count = t.suffixed(f, suffixCount, values...)
	return h
}

func (t *counters) suffixed(f *collect.Family, suffix string, values ...string) *cell {
	c := t.add(collect.NewSeries(f, t.site, suffix, t.birth, values...))
	t.fresh = append(t.fresh, &c.series)
	return c
}

func (t *counters) add(s *source.Series) *cell {
	c := &cell{series: *s}
	t.keep(c)
	return c
}

func (t *counters) keep(c *cell) {
	t.cells = append(t.cells, c)
	if c.series.Metric.Type != source.Gauge {
		t.made++
	}
}

// drop takes cells out of the batches: their series end.
func (t *counters) drop(gone map[*cell]bool) {
	if len(gone) == 0 {
		return
	}
	t.cells = slices.DeleteFunc(t.cells, func(c *cell) bool {
		if gone[c] && c.series.Metric.Type != source.Gauge {
			t.made--
		}
		return gone[c]
	})
}

func (t *counters) appendTo(samples []source.Sample) []source.Sample {
	for _, c := range t.cells {
		samples = append(samples, source.Sample{Series: &c.series, Value: c.value})
	}
	return samples
}

const (
	suffixBucket = "_bucket"
	suffixSum    = "_sum"
	suffixCount  = "_count"
)

func newHistogram(f *collect.Family) *histogram {
	return &histogram{bounds: f.Buckets, buckets: make([]*cell, len(f.Buckets)+1)}
}

// le is the label of a family's bucket.
func le(f *collect.Family, i int) string {
	if i == len(f.Buckets) {
		return source.BucketBound(math.Inf(1))
	}
	return source.BucketBound(f.Buckets[i])
}
