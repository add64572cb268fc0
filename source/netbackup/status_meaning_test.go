package netbackup

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// Every line of the table is read, in order and once; the samples are those of the vendor's guide that everybody knows.
func TestStatusMeanings(t *testing.T) {
	t.Parallel()
	meanings := statusMeanings()
	if lines := strings.Count(statusText, "\n"); len(meanings) != lines || slices.Contains(slices.Collect(maps.Values(meanings)), "") {
		t.Errorf("%d meanings of %d lines", len(meanings), lines)
	}
	for status, words := range map[int32]string{0: "success", 150: "cancelled", 196: "window", 2074: "disk volume is down"} {
		if !strings.Contains(meanings[status], words) {
			t.Errorf("status %d: %q, want %q", status, meanings[status], words)
		}
	}
}
