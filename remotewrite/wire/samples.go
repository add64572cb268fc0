package wire

import (
	"encoding/binary"
	"math"

	"backwire/remotewrite/window"
)

// The fields of a sample, alike in both versions; 1.0 has no start timestamp.
const (
	fieldSamples = 2 // of TimeSeries

	fieldSampleValue = 1
	fieldSampleTime  = 2
	fieldSampleStart = 3
)

// A sample's head is its tag and its length, which fits one byte: the three fields take at most 9 + 11 + 11 bytes.
const sampleHeadBytes = 2

// appendSamples appends the samples of a series. The start is left out where it is not before the sample: the zero that
// announces a counter may be written one interval earlier than the counter's start.
//
// Protobuf leaves the order of fields open. The first sample of a pair ends with its time and the second begins with it,
// so that what two neighbouring series have in common, the times of both samples, is one piece that a compressor finds
// as one copy, and so is what a series keeps, its value, between two pairs of times:
//
//	head value start time | head time start value | head value start time | head time start value
//	           └───────────────────────────┘ └──────────┘ └───────────────────────────┘
func appendSamples(b []byte, c window.Runs, start int64) []byte {
	starts := numberSize(uint64(start))
	for k, r := range c.Values {
		end := len(c.Times)
		if k+1 < len(c.Values) {
			end = int(c.Values[k+1].From)
		}
		for i := int(r.From); i < end; i++ {
			t := c.Times[i]
			size, since := sampleSize(r.Bits, t), int64(0)
			if start != 0 && start <= t {
				size, since = size+starts, start
			}
			b = append(b, fieldSamples<<3|wireBytes, byte(size))
			if i&1 == 0 {
				b = appendSampleValue(b, r.Bits)
				b = appendTime(b, fieldSampleStart, since)
				b = appendTime(b, fieldSampleTime, t)
			} else {
				b = appendTime(b, fieldSampleTime, t)
				b = appendTime(b, fieldSampleStart, since)
				b = appendSampleValue(b, r.Bits)
			}
		}
	}
	return b
}

// samplesSize is how many bytes appendSamples takes. The times of a series ascend, so that what its first and its last take, all take.
func samplesSize(c window.Runs, start int64) int {
	n := len(c.Times)
	if n == 0 {
		return 0
	}
	size, starts := n*sampleHeadBytes, numberSize(uint64(start))
	if first := c.Times[0]; isRecent(first) && isRecent(c.Times[n-1]) && start <= first {
		size += n * (timeBytes + starts)
	} else {
		for _, t := range c.Times {
			size += numberSize(uint64(t))
			if start != 0 && start <= t {
				size += starts
			}
		}
	}
	for k, r := range c.Values {
		end := n
		if k+1 < len(c.Values) {
			end = int(c.Values[k+1].From)
		}
		size += (end - int(r.From)) * doubleSize(math.Float64frombits(r.Bits))
	}
	return size
}

// sampleSize is a sample's without head and start.
func sampleSize(bits uint64, t int64) int {
	return doubleSize(math.Float64frombits(bits)) + numberSize(uint64(t))
}

func appendSampleValue(b []byte, bits uint64) []byte {
	if bits == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint64(append(b, fieldSampleValue<<3|wireFixed64), bits)
}
