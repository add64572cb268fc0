package config

import (
	"slices"
	"strings"
)

// An endpoint with a file:// URL exports: what the queue holds goes to a directory, as bundles.

// exportSuffixes are the settings of such an endpoint; the last two are of no other.
var exportSuffixes = [...]string{"URL", "START", "EXPORT_INTERVAL", "SIGNING_KEY_FILE"}

// validateExport refuses what would do nothing: a bundle holds what the queue holds, and who imports it
// chooses and adds labels.
func (l *loader) validateExport(b block, e *Endpoint) {
	own := b.levels[0]
	for _, v := range gather(own, &Endpoint{}) {
		suffix := strings.TrimPrefix(v.name, own+"_")
		at := slices.Index(exportSuffixes[:], suffix)
		s := l.settings[v.name]
		switch {
		case s.value == "":
		case e.URL.Dir() != "" && at < 0:
			l.refuse(s, "", "this setting does not apply to a file:// URL: bundles contain what the queue contains, and queue import sends it")
		case e.URL.Dir() == "" && at >= 2:
			l.refuse(s, "", "this setting needs a file:// URL: only bundles are written and signed")
		}
	}
}
