package config

import (
	"strings"
	"testing"
)

// The distance is that of Damerau and Levenshtein, where no letter is changed twice: the least number of letters that are
// put in, taken out, replaced, or swapped with their neighbour.
func TestEditDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "URL", 3},
		{"URL", "", 3},
		{"URL", "URL", 0},
		{"URL", "URLS", 1},
		{"URL", "RL", 1},
		{"URL", "URI", 1},
		{"URL", "RUL", 1},
		{"URL", "ULR", 1},
		{"URLS", "RUSL", 2}, // both pairs are swapped
		{"URL", "LRU", 2},   // no neighbours: replaced
		{"CA", "ABC", 3},    // a swapped pair is not changed again
		{"INTERVAL", "INTREVLA", 2},
		{"kitten", "sitting", 3},
	} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := editDistance(c.b, c.a); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

// Two letters may be wrong in any name, a third of them in a longer one; nothing is suggested for what is like no name.
func TestSuggestKeepsItsDistance(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"BACKWIRE_LSITEN":         "; did you mean BACKWIRE_LISTEN?",
		"BACKWIRE_LSITNE":         "; did you mean BACKWIRE_LISTEN?",
		"BACKWIRE_QUEUE_MAX_SIZE": "; did you mean BACKWIRE_QUEUE_MAX_AGE?", // three letters of 15
		"BACKWIRE_COFFEE":         "",
		"BACKWIRE_X":              "",
	} {
		problems := problemsOf(t, minimal(name+"=x")...)
		wantProblem(t, problems, name, "is not a setting of backwire"+want)
		if want == "" && strings.Contains(problems.Error(), "did you mean") {
			t.Errorf("%s: %v", name, problems)
		}
	}
}
