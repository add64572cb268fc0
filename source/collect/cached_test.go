package collect

import (
	"context"
	"testing"
	"time"
)

// A list of twenty thousand rows is two hundred requests: they are spread over twenty minutes.
func TestLongListIsReadLessOften(t *testing.T) {
	t.Parallel()
	readings := 0
	never := func(error) bool { return false }
	list := NewCached(NewBackground(time.Minute, never), Place{Gauges: NewGauges("paris"), Every: Seldom}, never, func(context.Context, *Pages, *Gauges) (int, error) {
		readings++
		return 20_000, nil
	})
	for last, want := range map[int64]int{0: 1, 15: 1, 19: 1, 20: 2, 39: 2, 40: 3} {
		readings, list.readAt = 0, 0
		for m := range last + 1 {
			if _, err := list.Read(t.Context(), 1+60_000*m); err != nil {
				t.Fatal(err)
			}
		}
		if readings != want {
			t.Errorf("read %d times by minute %d, want %d", readings, last, want)
		}
	}
}
