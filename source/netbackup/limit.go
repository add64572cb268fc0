package netbackup

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"
)

// What a primary server may give at most. It is far beyond what servers hold; what is over a limit costs the collector that
// asked for it, or the text, and is counted.
const (
	bodyLimit    = 8 << 20  // bytes of an answer, decompressed. A page of 100 jobs is about 300 KiB
	errorLimit   = 64 << 10 // bytes of an answer that is an error; more is not read
	messageLimit = 1 << 10  // bytes of what is told of it
	textLimit    = 256      // bytes of a text: the names of a server have at most 255 characters
	cursorLimit  = 8 << 10  // bytes of a cursor, which becomes part of a URL
	pageLimit    = 10_000   // pages of a list
	rowLimit     = 100_000  // rows of a list whose rows are told apart
	openLimit    = 200_000  // jobs that are not done
	seriesLimit  = 8_000    // live series of a collector
	labelLimit   = 2 << 20  // bytes of their labels
)

// limitError says what was more than it may be.
type limitError struct {
	what string
	most int
	unit string
}

func (e limitError) Error() string {
	return fmt.Sprintf("%s of more than %d %s is refused", e.what, e.most, e.unit)
}

// refuse ends the reading of an answer.
func (d *decoder) refuse(what string, most int, unit string) {
	if d.err == nil {
		d.err = limitError{what, most, unit}
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

// distinct bounds how many different values are remembered. It may be used by many goroutines.
type distinct struct {
	most int

	mu   sync.Mutex
	seen map[string]struct{}
}

func newDistinct(most int) *distinct { return &distinct{most: most, seen: map[string]struct{}{}} }

// admits says whether a value is among the first ones.
func (d *distinct) admits(value []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.seen[string(value)]; known {
		return true
	}
	if len(d.seen) == d.most {
		return false
	}
	d.seen[string(value)] = struct{}{}
	return true
}

func (d *distinct) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.seen)
}
