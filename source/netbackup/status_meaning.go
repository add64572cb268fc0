package netbackup

import (
	_ "embed"
	"strconv"
	"strings"
)

// statusText has a line for each status: its code, a tab, and what it means in a few words. The codes are those of the vendor's
// public "NetBackup Status Codes Reference Guide", as far as backups and their snapshots end with them.
//
//go:embed status_meanings.txt
var statusText string

// statusMeanings says what a job's status means, where the server does not say it itself.
func statusMeanings() map[int32]string {
	meanings := map[int32]string{}
	for line := range strings.Lines(statusText) {
		code, meaning, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if n, err := strconv.ParseInt(code, 10, 32); err == nil {
			meanings[int32(n)] = meaning
		}
	}
	return meanings
}

// tellStatusCodes says what the statuses mean with which jobs have ended.
func (s *Site) tellStatusCodes() {
	seen := map[int32]bool{}
	for _, kind := range s.ledger.counters.kinds {
		for _, done := range kind.completed {
			seen[done.status] = true
		}
	}
	s.words.ask(seen, s.now().UnixMilli())
	for status := range seen {
		if meaning := s.meanings[status]; meaning != "" {
			s.open.gauges.Set(s.catalogue.statusCode, 1, strconv.Itoa(int(status)), meaning)
		}
	}
}
