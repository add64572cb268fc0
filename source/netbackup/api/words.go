package api

import (
	"log/slog"
	"maps"
	"sync"

	"backwire/source/secret"
)

// words holds one copy of each text that repeats from row to row, such as a policy's name.
type words map[string]string

const (
	mostWords   = 1 << 12 // then they are collected anew: about 0.3 MiB
	longestWord = 256     // bytes; what is longer hardly repeats

	mostFields   = 400 // whose problems are counted apart
	longestField = 64  // bytes
)

func (w words) word(b []byte) string {
	if s, ok := w[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(s) > longestWord {
		return s
	}
	if len(w) >= mostWords {
		clear(w)
	}
	w[s] = s
	return s
}

// Problems counts what could not be read, and says the first of each kind in the log.
// Its size is bounded: in some places a server may give a field any name.
type Problems struct {
	log     *slog.Logger
	secrets *secret.Keeper

	mu     sync.Mutex
	counts map[string]uint64
	told   map[string]bool // contradictions that the log has named
}

func newProblems(log *slog.Logger, secrets *secret.Keeper) *Problems {
	return &Problems{log: log, secrets: secrets, counts: map[string]uint64{}, told: map[string]bool{}}
}

// Add counts a value that could not be read, by the noun of its row and its field; an empty field is the whole row. The first
// of a kind is told to the log.
func (p *Problems) Add(noun, field string, value []byte) {
	key := noun
	if field != "" {
		key += "." + cut(field, longestField)
	}
	p.mu.Lock()
	if _, known := p.counts[key]; !known && len(p.counts) >= mostFields {
		key = "(other fields)"
	}
	p.counts[key]++
	first := p.counts[key] == 1
	p.mu.Unlock()
	if first {
		p.log.Warn("unreadable value left out; further ones are only counted", "field", key, "value", glimpse(value, p.secrets))
	}
}

// Contradiction counts two rows of one noun that say different things of one series, as a row that cannot be read.
func (p *Problems) Contradiction(noun, series string) {
	p.mu.Lock()
	p.counts[noun]++
	key := noun + " " + series
	first := !p.told[key] && len(p.told) < mostTold
	if first {
		p.told[key] = true
	}
	p.mu.Unlock()
	if first {
		p.log.Warn("two rows with the same labels disagree: both are left out", "row", noun, "series", p.secrets.Clear(series))
	}
}

// mostTold is how many contradictions are remembered as told; further ones are only counted.
const mostTold = 100

// RowsLost is how many rows of a noun could not be read since the client was made.
func (p *Problems) RowsLost(noun string) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[noun]
}

// Snapshot is how many there were, by noun and field ("job.status") or by noun ("job").
func (p *Problems) Snapshot() map[string]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}
