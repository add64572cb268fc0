package wal_test

import (
	"slices"
	"testing"

	"backwire/remotewrite/wal"
)

func TestPositionOrder(t *testing.T) {
	sorted := []wal.Position{{}, {Segment: 1}, {Segment: 1, Offset: 64}, {Segment: 2}, {Segment: 10, Offset: 1}}
	if !slices.IsSortedFunc(sorted, wal.Position.Compare) || sorted[0].Compare(sorted[1]) >= 0 {
		t.Errorf("%v is not in order", sorted)
	}
	if got := sorted[4].String(); got != "10:1" {
		t.Errorf("a position reads %q", got)
	}
}

func TestHead(t *testing.T) {
	_, at := twoSegments(t)
	for i, rec := range at.records {
		if rec.Head() != (i%3 == 0) {
			t.Errorf("record %d at %v: head is %v", i, rec.Pos, rec.Head())
		}
	}
}
