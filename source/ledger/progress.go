package ledger

import (
	"log/slog"
	"time"
)

// sayEvery is how often a long reading tells how far it is; a shorter one says nothing.
const sayEvery = 5 * time.Second

// progress tells whoever waits for a first start or a gap how far the reading is.
type progress struct {
	log  *slog.Logger
	said time.Time // when the last line was due, at first when the reading began
}

// due answers with a line if it is time for one. The reading's mu is held, so it is the caller
// who writes it.
func (p *progress) due(r *Reading) []any {
	now := time.Now()
	if now.Sub(p.said) < sayEvery {
		return nil
	}
	p.said = now
	return []any{"jobs", r.rows, "read_until", stamp(r.covered()), "reading_to", stamp(r.now)}
}

func (p *progress) say(line []any) {
	if line != nil {
		p.log.Info("reading the job history", line...)
	}
}
