package source

import (
	"strconv"
	"strings"
)

// Printable is a text of somebody else's (a server, a file, a manifest) as a terminal or a log may show it: what
// would move a cursor, colour, reorder or break a line (control characters, bidirectional marks, line separators,
// bytes that are not UTF-8) stands as the escape that Go writes for it, as \n, \x1b or \u202e. All else stays as it
// is. The result is one line, and it is the text itself where there is nothing to escape.
func Printable(text string) string {
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case !unprintable(r):
			b.WriteRune(r)
		case r == '\uFFFD': // or a byte that is none of UTF-8
			b.WriteString(escaped(text[i:]))
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return r == '\uFFFD' || !strconv.IsPrint(r) }

// escaped is the first byte of a text that is not UTF-8 as an escape; a replacement character that really stands
// there stays.
func escaped(text string) string {
	const replacement = "\uFFFD"
	if strings.HasPrefix(text, replacement) {
		return replacement
	}
	return `\x` + strconv.FormatUint(uint64(text[0])|0x100, 16)[1:]
}
