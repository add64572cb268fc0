package netbackup

import (
	"log/slog"
	"strings"
)

// overCap names in the log what finds no room under a cap on series: once, and again after
// room was made.
type overCap struct {
	names []string // a few of them, since it was last said
	said  bool
}

func (o *overCap) turn(name string) {
	const named = 5
	if !o.said && len(o.names) < named {
		o.names = append(o.names, name)
	}
}

// say tells the log; what is what happens to those without room, setting is what raises
// the cap.
func (o *overCap) say(log *slog.Logger, what, setting string, limit int) {
	if len(o.names) == 0 {
		return
	}
	log.Warn(what, "cap", limit, "setting", setting, "among_them", strings.Join(o.names, ", "))
	o.names, o.said = nil, true
}

// roomMade lets the next one without room be told.
func (o *overCap) roomMade() { o.said = false }
