package window

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"backwire/remotewrite/record"
	"backwire/source"
)

// alike is a window of so many series with so many points each.
func alike(series, points int) *Window { return alikeAt(series, points, 0) }

// alikeAt is one whose points begin at a time, ms since the epoch.
func alikeAt(series, points int, at int64) *Window {
	jobs := &source.Metric{Name: "jobs_total", Type: source.Counter}
	var all []Series
	var named []*source.Series
	for i := range series {
		named = append(named, source.NewSeries(jobs, "", 0, source.Label{Name: "n", Value: strconv.Itoa(i)}))
		of := Series{Ref: uint32(i)}
		for k := range points {
			of.Points = append(of.Points, Point{at + 1 + int64(k), float64(i)})
		}
		all = append(all, of)
	}
	return Of(record.Define(named...), all)
}

// A note is believed only by the window that it was made of.
func TestNoteOfAnotherWindow(t *testing.T) {
	w := alike(10, 20)
	left := []Span{{Place{3, 7}, Place{5, 0}}, {Place{8, 0}, Place{10, 0}}}
	note := AppendSpans(w.AppendIdentity(nil), left)
	if got := w.ParseNote(note); !slices.Equal(got, left) {
		t.Errorf("left %v, want %v", got, left)
	}
	for n := range note {
		if got := w.ParseNote(note[:n]); len(got) > 1 {
			t.Errorf("cut at %d: %v", n, got)
		}
	}
	others := w.Part(slices.Clone(w.Columns))
	others.Oldest, others.Newest = w.Oldest, w.Newest
	others.Columns = slices.Concat(w.Columns[1:], w.Columns[:1])
	for name, other := range map[string]*Window{
		"other series": alike(11, 20), "other points": alike(10, 19), "another time": alikeAt(10, 20, time.Minute.Milliseconds()),
		"the same number of others": others,
	} {
		if got := other.ParseNote(note); got != nil {
			t.Errorf("%s: left %v", name, got)
		}
	}
	for _, wrong := range []Span{{Place{0, 0}, Place{11, 0}}, {Place{0, 20}, Place{1, 0}}} {
		if got := w.ParseNote(AppendSpans(w.AppendIdentity(nil), []Span{wrong})); got != nil {
			t.Errorf("%v is believed", wrong)
		}
	}
}
