package wal

import (
	"slices"
	"time"
)

// SegmentInfo describes a segment.
type SegmentInfo struct {
	Number   uint64
	FirstSeq uint64    // 0 if unknown, because the header is damaged
	Bytes    int64     // committed, header included
	Created  time.Time // zero if the header is damaged
	Err      error     // why the header cannot be read

	leaving bool // its file is being removed
}

// Name is the segment's file.
func (s SegmentInfo) Name() string { return segmentName(s.Number) }

// SegmentBytes is the committed length of the newest segment.
func (l *Log) SegmentBytes() int64 {
	newest, _ := l.newest()
	return newest.Bytes
}

// End is the position behind everything committed.
func (l *Log) End() Position {
	newest, _ := l.newest()
	return Position{newest.Number, uint64(newest.Bytes)}
}

// Segments lists the segments, oldest first.
func (l *Log) Segments() []SegmentInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.segments)
}

// view is the log as seen from a position, at one moment.
type view struct {
	exists    bool // the position's segment
	leaving   bool // it is not there any more, or is being removed
	newest    bool
	limit     int64
	firstSeq  uint64
	err       error
	following uint64 // the next existing segment, 0 if none
	nextSeq   uint64 // of the record that follows the segment, 0 if unknown
	oldest    uint64
	seq       uint64 // of the record to come
}

func (l *Log) view(p Position) view {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := view{seq: l.seq, nextSeq: l.seq, leaving: true}
	if len(l.segments) == 0 {
		return v
	}
	v.oldest = l.segments[0].Number
	i, exists := slices.BinarySearchFunc(l.segments, p.Segment, byNumber)
	if exists {
		s := l.segments[i]
		v.exists, v.leaving, v.limit, v.firstSeq, v.err = true, s.leaving, s.Bytes, s.FirstSeq, s.Err
		i++
	}
	v.newest = exists && i == len(l.segments)
	if i < len(l.segments) {
		v.following, v.nextSeq = l.segments[i].Number, l.segments[i].FirstSeq
	}
	return v
}

// leaves says that a segment's file is about to go, or is not after all.
func (l *Log) leaves(number uint64, leaving bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, exists := slices.BinarySearchFunc(l.segments, number, byNumber); exists {
		l.segments[i].leaving = leaving
	}
}

// take removes a segment from the list.
func (l *Log) take(number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, exists := slices.BinarySearchFunc(l.segments, number, byNumber); exists {
		l.segments = slices.Delete(l.segments, i, i+1)
	}
}

func byNumber(s SegmentInfo, number uint64) int {
	return Position{Segment: s.Number}.Compare(Position{Segment: number})
}
