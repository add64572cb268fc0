package record

import (
	"fmt"
	"slices"
	"testing"
)

// A text stays what it was for whoever has it, also when others come after a cut.
func TestTexts(t *testing.T) {
	var all texts
	var given, want []string
	for i := range 1000 {
		word := fmt.Sprint("word", i)[:i%5]
		if at := all.add(word); all.at(at) != word {
			t.Fatalf("%q became %q", word, all.at(at))
		}
		given, want = append(given, all.at(uint32(all.len()-1))), append(want, word)
		if i%100 == 99 {
			all.cut(all.len() - 60)
		}
	}
	if !slices.Equal(given, want) {
		t.Error("texts changed after they were given out")
	}
	all.cut(3)
	all.addBytes([]byte("last"))
	if got := []string{all.at(0), all.at(1), all.at(2), all.at(3)}; all.len() != 4 || !slices.Equal(got, []string{"", "w", "wo", "last"}) {
		t.Errorf("after a cut there are %q", got)
	}
	all.cut(0)
	if all.len() != 0 || all.size() != 0 {
		t.Errorf("%d texts of %d bytes are left of none", all.len(), all.size())
	}
}
