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

// statusMeanings says what a job's status means.
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
