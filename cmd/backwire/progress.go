package main

import (
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress draws how much of long work is done, on a terminal only: in a log a bar would be noise.
// It belongs to one goroutine.
type progress struct {
	what string
	out  io.Writer // nil where nothing is drawn
	bar  *progressbar.ProgressBar

	pieces bool // are counted, and not bytes
}

func (sh *shell) progress(what string) *progress {
	if f, ok := sh.stderr.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	return &progress{what: what, out: sh.stderr}
}

// tell says how many of how many bytes or pieces are done.
func (p *progress) tell(done, total int64) {
	if p.out == nil {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(p.what),
			progressbar.OptionShowBytes(!p.pieces), progressbar.OptionClearOnFinish())
	}
	_ = p.bar.Set64(done) // a bar that cannot be drawn is no reason to stop
}

// end clears the line.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
