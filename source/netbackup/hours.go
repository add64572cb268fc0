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

// The backups of the last two weeks by the quarter of an hour in which they ended are what a person is shown of the past:
// so finely because hours begin at a quarter of UTC's in some zones. Each hour is one key of the site's state, so that a
// restart forgets none:
//
//	hour/HOUR = version, four times success, partial, failure as uvarints
//
// HOUR is in hours since the epoch, by the agent's clock. Version 1 had one quarter, for the whole hour, by the server's.
const (
	hoursPrefix   = "hour/"
	hoursVersion  = 2
	hoursKept     = 15 * 24 // the nights of two weeks
	hourMillis    = 3_600_000
	quarterMillis = hourMillis / 4
)

// hours counts backups by the time of their end.
type hours struct {
	counts  map[int64]*hourCounts
	changed map[int64]bool // since changes was last asked
}

// hourCounts is an hour by its quarters.
type hourCounts [hourMillis / quarterMillis]quarterCounts

type quarterCounts struct{ success, partial, failure uint64 }

func newHours() *hours { return &hours{counts: map[int64]*hourCounts{}, changed: map[int64]bool{}} }

// observe counts an ending where it is that of a backup by itself.
func (h *hours) observe(e *ending, c clocks) {
	if e.parent || e.kind.jobType != backup || e.status < 0 {
		return
	}
	end := e.End - c.skew
	hour := end / hourMillis
	t := h.counts[hour]
	if t == nil {
		t = &hourCounts{}
		h.counts[hour] = t
	}
	h.changed[hour] = true
	q := &t[end%hourMillis/quarterMillis]
	switch e.status {
	case 0:
		q.success++
	case 1:
		q.partial++
	default:
		q.failure++
	}
}

// expire drops what is older than is kept, and what is still to come, as after a clock that was wrong; now is ms of the
// agent's clock.
func (h *hours) settle(int64, clocks) {}

func (h *hours) expire(now int64, _ clocks) {
	for hour := range h.counts {
		if hour <= now/hourMillis-hoursKept || hour > now/hourMillis+1 {
			delete(h.counts, hour)
			h.changed[hour] = true
		}
	}
}

// changes are the keys of the hours that changed since it was last asked.
func (h *hours) changes(int64) []source.Change {
	var out []source.Change
	for _, hour := range slices.Sorted(maps.Keys(h.changed)) {
		c := source.Change{Key: hoursPrefix + strconv.FormatInt(hour, 10)}
		if t := h.counts[hour]; t != nil {
			c.Value = []byte{hoursVersion}
			for _, q := range t {
				for _, n := range []uint64{q.success, q.partial, q.failure} {
					c.Value = binary.AppendUvarint(c.Value, n)
				}
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
	if err != nil || len(value) == 0 || value[0] == 0 || value[0] > hoursVersion {
		return fmt.Errorf("state key %q has an unknown version", key)
	}
	var t hourCounts
	quarters := t[:]
	if value[0] == 1 {
		quarters = t[:1]
	}
	r := source.ReadState(value[1:])
	for i := range quarters {
		for _, n := range []*uint64{&t[i].success, &t[i].partial, &t[i].failure} {
			*n = r.Uvarint()
		}
	}
	if r.Short() {
		return fmt.Errorf("state key %q is truncated", key)
	}
	h.counts[hour] = &t
	return nil
}
