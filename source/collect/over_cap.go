package collect

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// OverCap names what finds no room under a cap on series: in the log once a day for as long as it goes on, and in the status.
type OverCap struct {
	names []string         // since the log was last asked, each once
	seen  map[string]int64 // when they were turned away last: ms of the agent's clock, 0 for the names
	sayAt int64            // when the log may be told again
}

const (
	overCapEvery = 86_400_000 // ms between two lines of the log, and how long one that was turned away is remembered
	overCapMost  = 10_000     // that are remembered; there may be more
	overCapNamed = 5          // in a line
)

// TurnAway notes a name that finds no room.
func (o *OverCap) TurnAway(name string) {
	if o.seen == nil {
		o.seen = map[string]int64{}
	}
	if at, known := o.seen[name]; at == 0 && (known || len(o.seen) >= overCapMost) {
		return
	}
	o.seen[name] = 0 // until its time is known
	o.names = append(o.names, name)
}

// Say tells the log; what is what happens to those without room, setting is what raises the cap.
func (o *OverCap) Say(log *slog.Logger, now int64, what, setting string, limit int) {
	names := o.names
	o.names = nil
	for _, name := range names {
		if _, known := o.seen[name]; known {
			o.seen[name] = now
		}
	}
	maps.DeleteFunc(o.seen, func(_ string, at int64) bool { return at <= now-overCapEvery || at > now })
	names = slices.DeleteFunc(names, func(name string) bool { return o.seen[name] == 0 })
	if len(names) == 0 || (now < o.sayAt && now > o.sayAt-2*overCapEvery) {
		return
	}
	o.sayAt = now + overCapEvery
	log.Warn(what, "cap", limit, "setting", setting, "without_room", len(o.seen), "among_them", strings.Join(names[:min(len(names), overCapNamed)], ", "))
}

// RoomMade lets the next one without room be told at once.
func (o *OverCap) RoomMade() { o.sayAt = 0 }

// Forget is for one that has room now.
func (o *OverCap) Forget(name string) { delete(o.seen, name) }

// Count is how many were turned away within a day.
func (o *OverCap) Count() int { return len(o.seen) }
