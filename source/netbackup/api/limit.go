package api

import (
	"strings"
	"unicode/utf8"

	"backwire/source/guard"
)

// What a primary server may give at most. It is far beyond what servers hold; what is over a limit costs the collector that
// asked for it, or the text, and is counted.
const (
	bodyLimit    = 8 << 20  // bytes of an answer, decompressed. A page of 100 jobs is about 300 KiB
	errorLimit   = 64 << 10 // bytes of an answer that is an error; more is not read
	messageLimit = 1 << 10  // bytes of the text that is shown
	textLimit    = 256      // bytes of a text: the names of a server have at most 255 characters
	cursorLimit  = 8 << 10  // bytes of a cursor, which becomes part of a URL
	pageLimit    = 10_000   // pages of a list
	rowLimit     = 100_000  // rows of a list that are told apart, while all lists of the server have more than
	rowsLimit    = 500_000  // rows together: images of a day are many, but not everything at once
)

// refuse ends the reading of an answer.
func (d *decoder) refuse(what string, most int, unit string) {
	if d.err == nil {
		d.err = guard.Limit{What: what, Most: most, Unit: unit}
	}
}

// cut shortens a text to so many bytes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	at := most
	for at > 0 && !utf8.RuneStart(text[at]) {
		at--
	}
	return strings.ToValidUTF8(text[:at], "�") + "…"
}
