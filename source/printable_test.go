package source

import (
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"gold über 東京 — plain":           "gold über 東京 — plain",
		"two  spaces and a \\ backslash": "two  spaces and a \\ backslash",
		"\x1b[2Jgone":                    `\x1b[2Jgone`,
		"a\nlevel=ERROR msg=faked":       `a\nlevel=ERROR msg=faked`,
		"\r\t\a\b\x00\x7f":               `\r\t\a\b\x00\x7f`,
		"C1 \u009b31m":                   `C1 \u009b31m`,
		"bidi \u202egnp.exe":             `bidi \u202egnp.exe`,
		"line\u2028separator\u00a0nbsp":  `line\u2028separator\u00a0nbsp`,
		"bytes \xff\x9b and \uFFFD stay": `bytes \xff\x9b and ` + "\uFFFD" + ` stay`,
	} {
		if got := Printable(text); got != want {
			t.Errorf("Printable(%q) = %q, want %q", text, got, want)
		}
	}
}

// FuzzPrintable holds what a terminal relies on: one line of valid UTF-8 without a character that does something.
// What may be shown is the Unicode standard's: letters, marks, numbers, punctuation, symbols and the space.
func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b]0;title\x07b\u2066\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		got := Printable(text)
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool {
			return r != ' ' && !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S)
		}); i >= 0 {
			t.Errorf("%s has an unprintable character at %d", strconv.Quote(got), i)
		}
	})
}
