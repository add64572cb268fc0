package main

import (
	"strings"
	"testing"
)

// The demo goes over TLS with a pinned authority, the page and the log. It ends well only where all that happened
// has arrived, here with every algorithm refused that FIPS 140-3 does not approve.
func TestDemoWhereFIPSIsEnforced(t *testing.T) {
	onlyInFull(t)
	demo := start(t, []string{"GODEBUG=fips140=only"}, buildPrograms(t).backwire, "demo")
	<-demo.ended
	if demo.err != nil || !strings.Contains(demo.output(), "finished jobs") {
		t.Errorf("ends with %v:\n%s", demo.err, demo.output())
	}
}
