package queue

import (
	"maps"
	"slices"

	"backwire/remotewrite/record"
	"backwire/source"
)

// pending is what could not be written: cycles in order, and of those that were too many what
// must not be lost, the state that they left behind. It is used with the queue's turn.
type pending struct {
	limit   int64
	bytes   int64 // of the cycles
	cycles  []source.Cycle
	carried []*carried // by site, what comes before the cycles
}

// carried is the state that cycles without their samples have left.
type carried struct {
	site    string
	t       int64
	values  map[string]source.Sample // durable ones, by key
	changes map[string]source.Change
}

func (p *pending) empty() bool { return len(p.cycles) == 0 && len(p.carried) == 0 }

// add keeps a copy of the cycle, and gives up the samples of the oldest where that takes
// more memory than allowed; it says how many these were.
func (p *pending) add(c source.Cycle) (lost record.Totals) {
	c = cloneCycle(c)
	p.cycles = append(p.cycles, c)
	p.bytes += cycleBytes(c)
	for p.bytes > p.limit {
		oldest := p.cycles[0]
		p.carry(oldest)
		lost = lost.Plus(cycleTotals(oldest))
		p.bytes -= cycleBytes(oldest)
		p.cycles = slices.Delete(p.cycles, 0, 1)
	}
	return lost
}

// carry merges what a cycle did to its site's state.
func (p *pending) carry(c source.Cycle) {
	at := slices.IndexFunc(p.carried, func(k *carried) bool { return k.site == c.Site })
	if at < 0 {
		at = len(p.carried)
		p.carried = append(p.carried, &carried{
			site: c.Site, values: make(map[string]source.Sample), changes: make(map[string]source.Change),
		})
	}
	k := p.carried[at]
	for _, b := range c.Batches {
		if !b.Partial && b.T > k.t {
			clear(k.values) // what it does not name has ended
		}
		k.t = max(k.t, b.T)
		for _, s := range b.Samples {
			if s.Series.Metric.Durable {
				k.values[s.Series.Key()] = s
			}
		}
	}
	for _, change := range c.Changes {
		k.changes[change.Key] = change
	}
}

// first is what has to be written next. A silent cycle has state and no samples.
func (p *pending) first() (c source.Cycle, silent bool) {
	if len(p.carried) == 0 {
		return p.cycles[0], false
	}
	return p.carried[0].cycle(), true
}

// drop forgets the first, because it was written.
func (p *pending) drop() {
	if len(p.carried) > 0 {
		p.carried = slices.Delete(p.carried, 0, 1)
		return
	}
	p.bytes -= cycleBytes(p.cycles[0])
	p.cycles = slices.Delete(p.cycles, 0, 1)
}

func (k *carried) cycle() source.Cycle {
	c := source.Cycle{Site: k.site}
	if k.t != 0 {
		c.Batches = []source.Batch{{T: k.t, Partial: true}}
		for _, key := range slices.Sorted(maps.Keys(k.values)) {
			c.Batches[0].Samples = append(c.Batches[0].Samples, k.values[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(k.changes)) {
		c.Changes = append(c.Changes, k.changes[key])
	}
	return c
}

// overlay brings a checkpoint up to what is pending.
func (p *pending) overlay(site string, known *source.Checkpoint) {
	at := make(map[string]int)
	for i, s := range known.Series {
		at[s.Series.Key()] = i
	}
	apply := func(c source.Cycle) {
		if c.Site != site {
			return
		}
		for _, b := range c.Batches {
			whole := !b.Partial && b.T > known.T // else it is told in silence
			known.T = max(known.T, b.T)
			overlaySamples(known, at, b.Samples)
			if whole {
				leaveEnded(known, at, b.Samples)
			}
		}
		for _, change := range c.Changes {
			if change.Value == nil {
				delete(known.State, change.Key)
			} else {
				known.State[change.Key] = slices.Clone(change.Value)
			}
		}
	}
	for _, k := range p.carried {
		apply(k.cycle())
	}
	for _, c := range p.cycles {
		apply(c)
	}
}

func overlaySamples(known *source.Checkpoint, at map[string]int, samples []source.Sample) {
	for _, s := range samples {
		s.Value = record.Plain(s.Value)
		i, ok := at[s.Series.Key()]
		switch {
		case !s.Series.Metric.Durable:
		case ok:
			known.Series[i] = s
		default:
			at[s.Series.Key()] = len(known.Series)
			known.Series = append(known.Series, s)
		}
	}
}

// leaveEnded leaves only those series that a whole batch names.
func leaveEnded(known *source.Checkpoint, at map[string]int, named []source.Sample) {
	alive := make(map[string]bool, len(named))
	for _, s := range named {
		alive[s.Series.Key()] = true
	}
	known.Series = slices.DeleteFunc(known.Series, func(s source.Sample) bool { return !alive[s.Series.Key()] })
	clear(at)
	for i, s := range known.Series {
		at[s.Series.Key()] = i
	}
}

func (p *pending) totals() record.Totals {
	var sum record.Totals
	for _, c := range p.cycles {
		sum = sum.Plus(cycleTotals(c))
	}
	return sum
}

// cycleTotals does not count stale markers: who ends is known when the cycle is packed.
func cycleTotals(c source.Cycle) record.Totals {
	t := record.Totals{Records: 1}
	for _, b := range c.Batches {
		t.Samples += uint64(len(b.Samples))
	}
	return t
}

// cycleBytes is about what a cycle takes in memory, its series not included: these are
// the site's.
func cycleBytes(c source.Cycle) int64 {
	const sample, exemplar, batch, change = 16, 128, 80, 40
	n := 0
	for _, b := range c.Batches {
		n += batch + sample*len(b.Samples) + exemplar*len(b.Exemplars)
	}
	for _, k := range c.Changes {
		n += change + len(k.Key) + len(k.Value)
	}
	return int64(n)
}

// cloneCycle copies what its producer will use again.
func cloneCycle(c source.Cycle) source.Cycle {
	c.Batches = slices.Clone(c.Batches)
	for i := range c.Batches {
		b := &c.Batches[i]
		b.Samples, b.Exemplars = slices.Clone(b.Samples), slices.Clone(b.Exemplars)
		for j := range b.Exemplars {
			b.Exemplars[j].Labels = slices.Clone(b.Exemplars[j].Labels)
		}
	}
	c.Changes = slices.Clone(c.Changes)
	for i, change := range c.Changes {
		if change.Value != nil {
			c.Changes[i].Value = append([]byte{}, change.Value...)
		}
	}
	return c
}
