package netbackup

import (
	"math"
	"testing"
	"time"
)

const testDay = 24 * int64(hourMillis)

func TestTrendForeseesTheDayOfFullness(t *testing.T) {
	t.Parallel()
	const gib = float64(1 << 30)
	for name, c := range map[string]struct {
		used  func(day float64) float64 // GiB
		days  float64
		free  float64       // GiB
		want  time.Duration // 0 for never
		known bool
	}{
		"ten a day":         {func(d float64) float64 { return 100 + 10*d }, 10, 50, 5 * 24 * time.Hour, true},
		"ten a day, noisy":  {func(d float64) float64 { return 100 + 10*d + 3*math.Sin(8*d) }, 10, 50, 5 * 24 * time.Hour, true},
		"steady":            {func(float64) float64 { return 100 }, 10, 50, 0, true},
		"shrinking":         {func(d float64) float64 { return 100 - d }, 10, 50, 0, true},
		"in forty years":    {func(d float64) float64 { return 100 + d }, 10, 15_000, 0, true},
		"over already":      {func(d float64) float64 { return 100 + d }, 10, -1, 0, true},
		"known since lunch": {func(d float64) float64 { return 100 + 10*d }, 0.5, 50, 0, false},
	} {
		tr := &trend{}
		for at := int64(0); at <= int64(c.days*float64(testDay)); at += hourMillis {
			tr.note(at, c.used(float64(at)/float64(testDay))*gib)
		}
		_, known := tr.growth()
		left, fills := tr.fullIn(c.free * gib)
		if known != c.known || (left-c.want).Abs() > 12*time.Hour || (c.want > 0) != (fills && left > 0) {
			t.Errorf("%s: %v %v %v", name, left, fills, known)
		}
	}
}

func TestTrendIsBoundedAndRestored(t *testing.T) {
	t.Parallel()
	ts := trends{}
	at := int64(1_700_000_000_000)
	for i := range int64(1000) {
		ts.note("pool|a", "a", at+i*hourMillis, float64(i)*mebibyte*1000)
	}
	changes := ts.changes(at)
	if len(changes) != 1 || len(ts["pool|a"].points) != trendKept || len(changes[0].Value) > 8*trendKept {
		t.Fatalf("%d changes, %d points", len(changes), len(ts["pool|a"].points))
	}
	if len(ts.changes(at)) != 0 {
		t.Error("changes are told twice")
	}
	restored := trends{}
	if err := restored.restore(changes[0].Key, changes[0].Value); err != nil {
		t.Fatal(err)
	}
	a, _ := ts["pool|a"].growth()
	b, _ := restored["pool|a"].growth()
	if a != b || a == 0 {
		t.Errorf("growth %v, %v after a restart", a, b)
	}
	gone := ts.changes(at + 2000*hourMillis)
	if len(gone) != 1 || gone[0].Value != nil || len(ts) != 0 {
		t.Errorf("a storage that is gone stays: %v", gone)
	}
	for _, bad := range [][]byte{nil, {2, 1, 1}, {1}, {1, 1}, {1, 0x80}} {
		if restored.restore("trend/x", bad) == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func TestTrendsHaveABound(t *testing.T) {
	t.Parallel()
	ts := trends{}
	for i := range trendNames + 10 {
		ts.note(string(rune('a'+i)), "", 0, 1)
	}
	if len(ts) != trendNames {
		t.Errorf("%d trends", len(ts))
	}
}

// Before pools were known by their ids, trends had their names: the two weeks that were seen are not lost.
func TestTrendOfANameGoesOnUnderTheID(t *testing.T) {
	t.Parallel()
	ts := trends{}
	for i := range int64(10) {
		ts.note("dp", "dp", i*trendStep, float64(i)*mebibyte*1000)
	}
	before, known := ts["dp"].growth()
	after, still := ts.note("PureDisk:dp", "dp", 10*trendStep, 10*mebibyte*1000).growth()
	if !known || !still || math.Abs(before-after) > mebibyte {
		t.Errorf("growth %v before, %v %v under the id", before, after, still)
	}
	if _, known := ts.note("AdvancedDisk:other", "other", 10*trendStep, 1).growth(); known {
		t.Error("a new pool has the growth of another")
	}
}
