package wire

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The wire format is Protocol Buffers' ("Encoding"): a field is its tag, number<<3 | wire type, and its
// content. A number below 16 and a wire type make one byte; only two fields of native histograms have higher numbers.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
)

// appendVarint appends the base-128 form; negative numbers take ten bytes, as int64 wants it.
func appendVarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func varintSize(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// appendString appends a string field, the empty one too: where a string is repeated, it counts.
func appendString(b []byte, field byte, s string) []byte {
	b = append(b, field<<3|wireBytes)
	b = appendVarint(b, uint64(len(s)))
	return append(b, s...)
}

func stringSize(s string) int { return 1 + varintSize(uint64(len(s))) + len(s) }

// appendNumber appends a varint field, nothing for zero.
func appendNumber(b []byte, field byte, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendVarint(append(b, field<<3|wireVarint), v)
}

// timeBytes is what a field with a recent time takes.
const timeBytes = 7

// isRecent reports whether milliseconds since the epoch take six bytes, as they do from 1971 to 2109.
func isRecent(ms int64) bool {
	return uint64(ms)>>35 != 0 && uint64(ms)>>42 == 0
}

// appendTime is appendNumber for milliseconds since the epoch.
func appendTime(b []byte, field byte, ms int64) []byte {
	v := uint64(ms)
	if !isRecent(ms) {
		return appendNumber(b, field, v)
	}
	return append(b, field<<3|wireVarint,
		byte(v)|0x80, byte(v>>7)|0x80, byte(v>>14)|0x80, byte(v>>21)|0x80, byte(v>>28)|0x80, byte(v>>35))
}

func numberSize(v uint64) int {
	if v == 0 {
		return 0
	}
	return 1 + varintSize(v)
}

// appendDouble appends a double field, nothing for zero; minus zero is not zero.
func appendDouble(b []byte, field byte, v float64) []byte {
	n := math.Float64bits(v)
	if n == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint64(append(b, field<<3|wireFixed64), n)
}

func doubleSize(v float64) int {
	if math.Float64bits(v) == 0 {
		return 0
	}
	return 9
}

// appendHead appends the tag and the length of a message or of packed numbers.
func appendHead(b []byte, field byte, size int) []byte {
	return appendVarint(append(b, field<<3|wireBytes), uint64(size))
}
