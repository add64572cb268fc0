package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// progress draws how much of long work is done, on a terminal only: in a log a bar would be noise. A library for it
// weighs a hundredth of the program. It belongs to one goroutine.
type progress struct {
	what  string
	out   io.Writer // nil where nothing is drawn
	drawn int64     // percent, and one; 0 where nothing is drawn yet
}

// barWidth leaves room for what is done, and for the amount, in a line of 80 columns.
const barWidth = 40

func (sh *shell) progress(what string) *progress {
	if f, ok := sh.stderr.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	return &progress{what: what, out: sh.stderr}
}

// tell says how many of how many bytes or pieces are done.
func (p *progress) tell(done, total int64) {
	if p.out == nil || total <= 0 {
		return
	}
	percent := min(max(done, 0), total) * 100 / total
	if percent+1 == p.drawn {
		return
	}
	p.drawn = percent + 1
	fmt.Fprintf(p.out, "\r%s %3d%% |%-*s| ", p.what, percent, barWidth, strings.Repeat("█", int(percent*barWidth/100)))
}

// end clears the line.
func (p *progress) end() {
	if p.drawn > 0 {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
