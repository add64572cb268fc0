package page

import (
	"testing"
	"time"

	"backwire/agent/config"
	"backwire/agent/page/pagetest"
)

// zone is where the tests' nights are.
func zone() *time.Location { return pagetest.Zone() }

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.ParseInLocation("2006-01-02 15:04", text, zone())
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// usual is the night unless somebody sets another.
func usual() config.Night { return config.Night{From: 18 * time.Hour, To: 8 * time.Hour} }

// Each situation that was met, and the answer that a person who knows everything would give.
func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, s := range pagetest.Situations() {
		n := lastNight(s.Now, usual())
		var all outcome
		for _, site := range s.Sites {
			all.add(n.of(site, s.Now))
		}
		if v := n.answer(s.Now, all); string(v.Tone) != s.Tone || v.Word+": "+v.Rest != s.Sentence {
			t.Errorf("%s %q, want %s %q", v.Tone, v.Word+": "+v.Rest, s.Tone, s.Sentence)
		}
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
