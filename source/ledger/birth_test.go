package ledger

import "testing"

// A birth is the server's clock less the backfill. It is corrected only where it lies ahead of today's clock by more than a minute and
// today's clock is nearer to the agent's than the clock was that it came of.
func TestBirthIsBelievedAsLongAsItCanBe(t *testing.T) {
	const (
		hour     = int64(3600_000)
		month    = 30 * 24 * hour
		backfill = 24 * hour
		born     = 1_800_000_000_000 // agent's clock
		later    = born + hour
		minute   = 60_000
	)
	for name, c := range map[string]struct {
		first, now int64 // server's clock at the birth and an hour later
		want       int64 // the birth; 0 where it stays
	}{
		"right, and right":                    {born, later, 0},
		"a month ahead, and right":            {born + month, later, born - backfill},
		"a month ahead, and a month and hour": {born + month, later + month, 0},
		"a month ahead, and two":              {born + month, later + 2*month, 0},
		"a month ahead, and a month behind":   {born + month, later - month, 0},
		"a month ahead, and a week behind":    {born + month, later - month/4, born - month/4 - backfill},
		"a month behind, and right":           {born - month, later, 0},
		"right, and a month behind":           {born, later - month, 0},
		"right, and a month ahead":            {born, later + month, 0},
		"an hour and a minute ahead":          {born + hour + minute, later, 0}, // as far as clocks are set in small steps
		"an hour and more ahead":              {born + hour + minute + 1, later, born - backfill},
	} {
		var b Birth
		if b.begin(c.first, born, backfill) || b.At != c.first-backfill {
			t.Fatalf("%s: begins at %d", name, b.At)
		}
		want := c.first - backfill
		if c.want != 0 {
			want = c.want
		}
		if corrected := b.begin(c.now, later, backfill); corrected != (c.want != 0) || b.At != want {
			t.Errorf("%s: the birth is %d (corrected: %v), want %d", name, b.At, corrected, want)
		}
	}
}
