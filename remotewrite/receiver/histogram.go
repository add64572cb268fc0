package receiver

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Histogram is a native histogram at a time, as it was sent: buckets of whole numbers are differences.
type Histogram struct {
	T              int64 // ms since the epoch
	Start          int64 // start timestamp in ms, 0 where none was sent
	Float          bool  // it was sent with numbers that may not be whole
	Count          uint64
	CountFloat     float64
	Sum            float64
	Schema         int32
	ZeroThreshold  float64
	ZeroCount      uint64
	ZeroCountFloat float64
	NegativeSpans  []BucketSpan
	NegativeDeltas []int64
	NegativeCounts []float64
	PositiveSpans  []BucketSpan
	PositiveDeltas []int64
	PositiveCounts []float64
	ResetHint      int32
	CustomValues   []float64
}

// BucketSpan is buckets in a row.
type BucketSpan struct {
	Offset int32
	Length uint32
}

// Stale reports whether it ends its series.
func (h *Histogram) Stale() bool { return h.point().Stale() }

// point is what stands for it where only time and value matter.
func (h *Histogram) point() Point { return Point{T: h.T, V: h.Sum} }

// Buckets are the numbers of observations by bucket of a histogram with custom buckets.
func (h *Histogram) Buckets() []int64 {
	counts := make([]int64, len(h.CustomValues)+1)
	at, next, last := 0, 0, int64(0)
	for _, span := range h.PositiveSpans {
		at += int(span.Offset)
		for range span.Length {
			last += h.PositiveDeltas[next]
			counts[at] = last
			at, next = at+1, next+1
		}
	}
	return counts
}

// readHistogram reads a histogram of either version; 1.0 has no start.
func (s *Series) readHistogram(f field, v Version) error {
	var h Histogram
	err := f.message(func(f field) error { return h.read(f, v) })
	s.Histograms = append(s.Histograms, h)
	return err
}

func (h *Histogram) read(f field, v Version) error {
	switch f.number {
	case 1:
		h.Count, h.CountFloat, h.Float = f.bits, 0, false
		return f.is(protowire.VarintType)
	case 2:
		h.Count, h.Float = 0, true
		return f.float(&h.CountFloat)
	case 3:
		return f.float(&h.Sum)
	case 4:
		h.Schema = signed(f.bits)
		return f.is(protowire.VarintType)
	case 5:
		return f.float(&h.ZeroThreshold)
	case 6:
		h.ZeroCount, h.ZeroCountFloat = f.bits, 0
		return f.is(protowire.VarintType)
	case 7:
		h.ZeroCount = 0
		return f.float(&h.ZeroCountFloat)
	case 8:
		return readSpan(f, &h.NegativeSpans)
	case 9:
		return f.deltas(&h.NegativeDeltas)
	case 10:
		return f.floats(&h.NegativeCounts)
	case 11:
		return readSpan(f, &h.PositiveSpans)
	case 12:
		return f.deltas(&h.PositiveDeltas)
	case 13:
		return f.floats(&h.PositiveCounts)
	case 14:
		h.ResetHint = int32(f.bits) //nolint:gosec // an enumeration
		return f.is(protowire.VarintType)
	case 15:
		return f.integer(&h.T)
	case 16:
		return f.floats(&h.CustomValues)
	case 17:
		if v == V2 {
			return f.integer(&h.Start)
		}
	}
	return nil
}

func readSpan(f field, into *[]BucketSpan) error {
	var s BucketSpan
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			s.Offset = signed(f.bits)
			return f.is(protowire.VarintType)
		case 2:
			return f.reference(&s.Length)
		}
		return nil
	})
	*into = append(*into, s)
	return err
}

// signed is a sint32.
func signed(bits uint64) int32 {
	n := uint32(bits) //nolint:gosec // what does not fit is cut off, as the generated types do
	return int32(n>>1) ^ -int32(n&1)
}

// deltas appends sint64, which may be packed.
func (f field) deltas(into *[]int64) error {
	return f.numbers(protowire.VarintType, func(bits uint64) { *into = append(*into, protowire.DecodeZigZag(bits)) })
}

// floats appends doubles, which may be packed.
func (f field) floats(into *[]float64) error {
	return f.numbers(protowire.Fixed64Type, func(bits uint64) { *into = append(*into, math.Float64frombits(bits)) })
}

func checkHistograms(all []Histogram) error {
	for i := range all {
		h := &all[i]
		switch {
		case i > 0 && h.T <= all[i-1].T:
			return fmt.Errorf("histogram at %d comes after the one at %d", h.T, all[i-1].T)
		case h.Start != 0 && h.Start > h.T:
			return fmt.Errorf("histogram at %d starts later, at %d", h.T, h.Start)
		}
	}
	return nil
}
