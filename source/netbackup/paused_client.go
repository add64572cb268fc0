package netbackup

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"backwire/source"
	"backwire/source/collect"
	"backwire/source/netbackup/api"
	"backwire/source/overview"
)

const collectorPaused = "paused_clients"

// pausedClientCollector reads whose backups are held back: nothing is promised to them meanwhile.
func pausedClientCollector() collector {
	return collector{
		Name: collectorPaused, Noun: "paused_client", Section: sectionClients, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).PausedClients),
		Role: collect.Role{Namespace: "|MANAGE|HOSTS|HOST-PROPERTIES|", Screen: "Hosts > Host properties", Without: "paused clients are due as all others"},
		Start: func(w *workplace) collect.Reader {
			paused := w.Gauge("nbu_client_paused", "",
				"1 for each client whose backups are paused, by hand (MANUAL) or by the server (AUTOMATIC). No backup of it is due meanwhile. Absent for others.", "client", "trigger")
			r := &pausedReader{site: w.site}
			r.cached = collect.NewCached(w.site.background, w.Place, settled, func(ctx context.Context, pages *collect.Pages, g *collect.Gauges) (int, error) {
				rows, known := []api.PausedClient{}, map[string]bool{}
				n, err := collect.CountRows(w.client().PausedClients, func(g *collect.Gauges, c *api.PausedClient) {
					g.Set(paused, 1, c.Name, c.Trigger)
					if !known[c.Name] && len(rows) < mostPauses {
						known[c.Name] = true
						rows = append(rows, *c)
					}
				})(api.WithBudget(ctx, pages), g)
				if err == nil {
					r.whole.Store(&rows)
				}
				return n, err
			})
			return r.read
		},
	}
}

// pausedReader hands whole lists to the site.
type pausedReader struct {
	site   *Site
	cached *collect.Cached
	whole  atomic.Pointer[[]api.PausedClient] // a list that was read to its end, until it is taken
}

func (r *pausedReader) read(ctx context.Context, now int64) (int, error) {
	n, err := r.cached.Read(ctx, now)
	if rows := r.whole.Swap(nil); rows != nil {
		r.site.paused.take(*rows, now)
	}
	return n, err
}

// The pauses of a site are one key of its state, which is written where they change, and once an hour:
//
//	paused = version, when they were listed, {length of name, name, from, until, ended}…, the times as uvarint
//
// Times are ms of the server's clock, 0 for none. A name is in lower case.
const (
	pausedKey     = "paused"
	pausedVersion = 1
)

const (
	// pausesStand is for how long the last list holds where the server does not give another one. After that nobody knows who is
	// paused, and each client is due as all others are: what is not known must not keep a missed backup from being told.
	pausesStand = dayMillis

	pausesWritten = hourMillis      // before they are written again though nothing has changed
	pauseKept     = 400 * dayMillis // after its end: the promises of a year count from it
	mostPauses    = 10_000          // that are listed, and that have ended and are remembered
)

// pause is of one client.
type pause struct{ from, until, ended int64 }

// pauses are the clients whose backups are paused, and those whose pause has ended: their promises count from then, so that
// what was not promised meanwhile is not missed.
type pauses struct {
	listedAt  int64 // 0 before the first list
	writtenAt int64
	changed   bool
	byName    map[string]pause   // of both names of a client
	shown     []api.PausedClient // of the last list
}

func newPauses() *pauses { return &pauses{byName: map[string]pause{}} }

// take takes a whole list. Who is not in it is not paused any more.
func (p *pauses) take(rows []api.PausedClient, now int64) {
	listed := map[string]pause{}
	for i := range rows {
		r := &rows[i]
		for _, name := range []string{r.Name, r.Identifier} {
			if name != "" {
				listed[strings.ToLower(name)] = pause{from: milliseconds(r.From), until: milliseconds(r.Until)}
			}
		}
	}
	for name, x := range p.byName {
		switch _, still := listed[name]; {
		case still:
		case x.ended == 0 && now-pauseKept < p.end(x, now):
			x.ended = p.end(x, now)
			listed[name] = x
		case x.ended != 0 && now-x.ended < pauseKept:
			listed[name] = x
		}
	}
	dropOldest(listed)
	p.changed = p.changed || !maps.Equal(p.byName, listed) || now-p.writtenAt >= pausesWritten || now < p.writtenAt
	p.byName, p.shown, p.listedAt = listed, rows, max(now, 1)
}

// dropOldest forgets the pauses that ended first, where they are too many.
func dropOldest(all map[string]pause) {
	var ended []string
	for name, x := range all {
		if x.ended != 0 {
			ended = append(ended, name)
		}
	}
	if len(ended) <= mostPauses {
		return
	}
	slices.SortFunc(ended, func(a, b string) int { return cmp.Or(cmp.Compare(all[a].ended, all[b].ended), cmp.Compare(a, b)) })
	for _, name := range ended[:len(ended)-mostPauses] {
		delete(all, name)
	}
}

// end is when a pause ended, or will as far as is known: as it says itself, or when it was not listed any more, or a while after the
// last list.
func (p *pauses) end(x pause, now int64) int64 {
	end := min(p.listedAt+pausesStand, now)
	if x.until != 0 && x.until < end {
		end = x.until
	}
	return max(end, x.from)
}

// holds says that a client is paused.
func (p *pauses) holds(client string, now int64) bool {
	x, known := p.of(client)
	return known && p.runs(x, now)
}

// of is the pause of a client. Names are compared as host names are, in any case; a short one is not taken for a long one.
func (p *pauses) of(client string) (pause, bool) {
	if len(p.byName) == 0 {
		return pause{}, false
	}
	x, known := p.byName[strings.ToLower(client)]
	return x, known
}

func (p *pauses) runs(x pause, now int64) bool {
	age := now - p.listedAt // below 0 where a clock was wrong
	return x.ended == 0 && x.from <= now && (x.until == 0 || now < x.until) && -pausesStand < age && age < pausesStand
}

// endedAt is when the last pause of a client ended; 0 where none is known.
func (p *pauses) endedAt(client string, now int64) int64 {
	switch x, known := p.of(client); {
	case !known || x.from > now:
		return 0
	case x.ended != 0:
		return min(x.ended, now)
	default:
		return p.end(x, now)
	}
}

// overview are those that are paused, by name; skew is what the server's clock is ahead of the agent's, in ms.
func (p *pauses) overview(now, skew int64) (out []overview.Paused) {
	at := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixMilli() - skew
	}
	for i := range p.shown {
		r := &p.shown[i]
		if p.holds(r.Name, now) {
			out = append(out, overview.Paused{
				Client: r.Name, From: at(r.From), Until: at(r.Until), Automatic: r.Trigger == "AUTOMATIC", By: r.By, Reason: r.Reason,
			})
		}
	}
	slices.SortStableFunc(out, func(a, b overview.Paused) int { return cmp.Compare(a.Client, b.Client) })
	return out
}

// changes are those of the state that belong to a cycle.
func (p *pauses) changes() []source.Change {
	if !p.changed {
		return nil
	}
	p.changed, p.writtenAt = false, p.listedAt
	if len(p.byName) == 0 {
		return []source.Change{{Key: pausedKey}}
	}
	b := binary.AppendUvarint([]byte{pausedVersion}, uint64(p.listedAt))
	for _, name := range slices.Sorted(maps.Keys(p.byName)) {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
		x := p.byName[name]
		for _, at := range []int64{x.from, x.until, x.ended} {
			b = binary.AppendUvarint(b, uint64(max(at, 0)))
		}
	}
	return []source.Change{{Key: pausedKey, Value: b}}
}

// restore takes the key of the state back.
func (p *pauses) restore(state map[string][]byte) error {
	b := state[pausedKey]
	if b == nil {
		return nil
	}
	if len(b) == 0 || b[0] != pausedVersion {
		return fmt.Errorf("state key %q has an unknown version", pausedKey)
	}
	r := source.ReadState(b[1:])
	listedAt, byName := int64(r.Uvarint()), map[string]pause{}
	for r.More() {
		name := r.Text()
		byName[name] = pause{int64(r.Uvarint()), int64(r.Uvarint()), int64(r.Uvarint())}
	}
	if r.Short() {
		return fmt.Errorf("state key %q is truncated", pausedKey)
	}
	p.listedAt, p.writtenAt, p.byName = listedAt, listedAt, byName
	for name, x := range byName {
		if x.ended == 0 { // what else was said of it is not kept
			p.shown = append(p.shown, api.PausedClient{Name: name, From: momentOf(x.from), Until: momentOf(x.until)})
		}
	}
	return nil
}

// momentOf is a time in ms; the zero time for 0.
func momentOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
