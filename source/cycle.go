package source

import "math"

// Sample is a series' value at its batch's time.
type Sample struct {
	Series *Series
	Value  float64
}

// Exemplar is one observation behind a counter or a histogram's bucket.
type Exemplar struct {
	Series *Series
	Labels []Label // sorted by name; at most 128 characters together (OpenMetrics, "Exemplars")
	Value  float64
	T      int64 // ms since the epoch
}

// Batch is everything that a site knew at one time.
//
// A series that was in the site's previous batch and is absent from this one has
// ended: the queue writes its stale marker. A partial batch says nothing of the
// series that it does not name.
type Batch struct {
	T         int64 // ms since the epoch
	Samples   []Sample
	Exemplars []Exemplar
	Partial   bool
}

// Change sets one key of a site's state; a nil Value deletes it.
type Change struct {
	Key   string
	Value []byte
}

// Cycle is what a site hands over at once: batches in ascending order of time and the
// changes of its state that belong to them. It is committed whole or not at all.
type Cycle struct {
	Site    string
	Batches []Batch
	Changes []Change
}

// Checkpoint is what a site is given back when it starts again: its state, the last
// values of its durable series, and the time of its last batch (0 if it never had one).
type Checkpoint struct {
	T      int64
	State  map[string][]byte
	Series []Sample
}

// staleNaN is the value of a stale marker (Remote-Write 1.0, "Stale Markers"). No other
// NaN has these bits, and nothing else may be written with them.
const staleNaN uint64 = 0x7ff0000000000002

// Zeros is a partial batch in which counters begin, so that increase() sees their first step: each is 0 at t, before its
// first value.
func Zeros(t int64, counters []*Series) Batch {
	b := Batch{T: t, Partial: true, Samples: make([]Sample, len(counters))}
	for i, s := range counters {
		b.Samples[i].Series = s
	}
	return b
}

// Stale is the value that ends a series.
func Stale() float64 { return math.Float64frombits(staleNaN) }

// IsStale tells a stale marker from every other value, other NaNs included.
func IsStale(v float64) bool { return math.Float64bits(v) == staleNaN }
