package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	headerSize    = 64
	formatVersion = 1
	magic         = "\x89BWLOG\r\n"
	segmentSuffix = ".seg"
	segmentDigits = 20
)

// header opens a segment file. All integers on disk are little endian.
type header struct {
	segment     uint64
	firstSeq    uint64 // of the head
	predecessor uint64 // the segment before, 0 if none
	predLength  uint64 // its synced length: bytes after it were never committed
	created     time.Time
}

func (h header) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, formatVersion)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, h.segment)
	dst = binary.LittleEndian.AppendUint64(dst, h.firstSeq)
	dst = binary.LittleEndian.AppendUint64(dst, h.predecessor)
	dst = binary.LittleEndian.AppendUint64(dst, h.predLength)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.created.UnixMilli()))
	dst = append(dst, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// parseHeader reads the header of the segment that the file's name says.
// Magic, version and checksum keep their places in every version to come, so
// that a damaged header is not taken for a new one.
func parseHeader(b []byte, segment uint64) (header, error) {
	if len(b) < headerSize {
		return header{}, fmt.Errorf("header of %d bytes: %w", len(b), ErrCorrupt)
	}
	le := binary.LittleEndian
	if string(b[:8]) != magic || le.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return header{}, fmt.Errorf("header: %w", ErrCorrupt)
	}
	if v := le.Uint32(b[8:]); v != formatVersion {
		return header{}, &VersionError{File: segmentName(segment), Version: v}
	}
	h := header{
		segment:     le.Uint64(b[16:]),
		firstSeq:    le.Uint64(b[24:]),
		predecessor: le.Uint64(b[32:]),
		predLength:  le.Uint64(b[40:]),
		created:     time.UnixMilli(int64(le.Uint64(b[48:]))).UTC(),
	}
	if h.segment != segment || h.predLength > math.MaxInt64 {
		return header{}, fmt.Errorf("header of segment %d, after %d bytes: %w", h.segment, h.predLength, ErrCorrupt)
	}
	return h, nil
}

func segmentName(number uint64) string {
	return fmt.Sprintf("%0*d%s", segmentDigits, number, segmentSuffix)
}

// SegmentNumber is the number of the segment that a file's name says.
func SegmentNumber(name string) (number uint64, ok bool) { return parseSegmentName(name) }

func parseSegmentName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != segmentDigits {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil && number > 0
}
