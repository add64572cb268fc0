package netbackup

import (
	"log/slog"
	"strings"

	"backwire/source"
	"backwire/source/collect"
)

// observer is told of each ending when it is counted, once and in the order of counting. What it makes of it is its own.
type observer interface {
	// observe takes an ending that was counted. It is not changed and not kept.
	observe(e *ending, c clocks)
	// settle is called when all endings of a point are observed, and none is a point too. now is ms of the server's clock.
	settle(now int64, c clocks)
	// expire is called once an hour, with the agent's clock in ms, to forget what is too old.
	expire(now int64, c clocks)
}

// memory is a part of the site's state beside the ledger's: it is committed with the ledger's and restored with it.
type memory interface {
	// changes are the keys that changed since it was last asked; newest is the time of the newest batch, ms of the agent's clock.
	changes(newest int64) []source.Change
	// restoreKey takes one key of the state back; it answers false for one of somebody else.
	restoreKey(key string, value []byte) (mine bool, err error)
}

// clocks are the server's clock beside the agent's, in ms.
type clocks struct {
	skew   int64 // the server's less the agent's
	latest int64 // of the server's clock: what is said of a time behind it is not believed
}

// pageHistory is a memory of what the status page alone shows: nothing that is counted depends on it, so what of it is unreadable
// is lost and no error.
type pageHistory struct {
	log     *slog.Logger
	prefix  string // of its keys
	changed func(newest int64) []source.Change
	restore func(key string, value []byte) error
}

func (h pageHistory) changes(newest int64) []source.Change { return h.changed(newest) }

func (h pageHistory) restoreKey(key string, value []byte) (mine bool, err error) {
	if !strings.HasPrefix(key, h.prefix) {
		return false, nil
	}
	if err := h.restore(key, value); err != nil {
		sayUnreadableHistory(h.log, err)
	}
	return true, nil
}

func sayUnreadableHistory(log *slog.Logger, err error) {
	log.Warn("a part of the history on the status page is unreadable and is lost", "error", err)
}

// catalogBackups remembers the last success of a backup of NetBackup's own catalog. Such a backup is a tree of jobs: it has
// succeeded when its root has.
type catalogBackups struct{ t *counters }

// policyTypeCatalog is the policy type of these backups.
const policyTypeCatalog = "NBU_CATALOG"

func (b catalogBackups) observe(e *ending, c clocks) {
	if e.kind.policyType != policyTypeCatalog || !e.root || !e.succeeded() {
		return
	}
	t := b.t
	if t.catalogBackup == nil {
		t.catalogBackup = t.add(collect.NewSeries(t.c.catalogBackup, t.site, "", 0))
	}
	if end := float64(e.End) / 1000; end > t.catalogBackup.value || !c.believes(t.catalogBackup) {
		t.catalogBackup.value = end
	}
}

func (catalogBackups) settle(int64, clocks) {}

func (catalogBackups) expire(int64, clocks) {}

// believes says that a time can be: a server whose clock was wrong for an hour may have left one of a year to come, which would
// hide all that comes before it.
func (c clocks) believes(at *cell) bool { return at == nil || at.value*1000 <= float64(c.latest) }
