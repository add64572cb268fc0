package netbackup

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"backwire/source"
)

// The backups of the last two days by the hour in which they ended are what a person is shown of
// the past. Each hour is one key of the site's state, so that a restart forgets none:
//
//	hour/HOUR = version, success, partial, failure as uvarints
//
// HOUR is in hours since the epoch, by the server's clock.
const (
	hoursPrefix  = "hour/"
	hoursVersion = 1
	hoursKept    = 48
	hourMillis   = 3_600_000
)

// hours counts backups by the hour of their end.
type hours struct {
	tallies map[int64]*hourTally
	changed map[int64]bool // since changes was last asked
}

type hourTally struct{ success, partial, failure uint64 }

func newHours() *hours { return &hours{tallies: map[int64]*hourTally{}, changed: map[int64]bool{}} }

// add counts an ending where it is that of a backup by itself.
func (h *hours) add(e *ending) {
	if e.parent || e.kind.jobType != backup || e.status < 0 {
		return
	}
	hour := e.end / hourMillis
	t := h.tallies[hour]
	if t == nil {
		t = &hourTally{}
		h.tallies[hour] = t
	}
	h.changed[hour] = true
	switch e.status {
	case 0:
		t.success++
	case 1:
		t.partial++
	default:
		t.failure++
	}
}

// expire drops what is older than is kept; now is ms of the server's clock.
func (h *hours) expire(now int64) {
	for hour := range h.tallies {
		if hour <= now/hourMillis-hoursKept {
			delete(h.tallies, hour)
			h.changed[hour] = true
		}
	}
}

// changes are the keys of the hours that changed since it was last asked.
func (h *hours) changes() []source.Change {
	var out []source.Change
	for _, hour := range slices.Sorted(maps.Keys(h.changed)) {
		c := source.Change{Key: hoursPrefix + strconv.FormatInt(hour, 10)}
		if t := h.tallies[hour]; t != nil {
			c.Value = []byte{hoursVersion}
			for _, n := range []uint64{t.success, t.partial, t.failure} {
				c.Value = binary.AppendUvarint(c.Value, n)
			}
		}
		out = append(out, c)
	}
	clear(h.changed)
	return out
}

// restore takes a key of the state back.
func (h *hours) restore(key string, value []byte) error {
	hour, err := strconv.ParseInt(strings.TrimPrefix(key, hoursPrefix), 10, 64)
	if err != nil || len(value) == 0 || value[0] != hoursVersion {
		return fmt.Errorf("state key %q is not an hour of this version", key)
	}
	var t hourTally
	rest := value[1:]
	for _, n := range []*uint64{&t.success, &t.partial, &t.failure} {
		v, size := binary.Uvarint(rest)
		if size <= 0 {
			return fmt.Errorf("state key %q is cut short", key)
		}
		*n, rest = v, rest[size:]
	}
	h.tallies[hour] = &t
	return nil
}
