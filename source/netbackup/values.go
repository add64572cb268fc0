package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// setBytes sets what the server gave; what it did not give stays absent.
func setBytes(g *collect.Gauges, f *collect.Family, v api.Optional[int64], labels ...string) {
	if v.Given {
		g.Tell(f, float64(v.Value), labels...)
	}
}

func setPercent(g *collect.Gauges, f *collect.Family, v api.Optional[float64], labels ...string) {
	if v.Given && v.Value >= 0 && v.Value <= 100 {
		g.Tell(f, v.Value/100, labels...)
	}
}

// setState is 1 for what is up and 0 for what is not, by the documents' words: UP, DOWN and UNKNOWN of volumes, UP and
// DOWN of servers, TRANSIENT of pools, MIXED (by one path at least) and DISABLED of drives. Of any other word nobody
// knows what it means, and the series is absent.
func setState(g *collect.Gauges, f *collect.Family, state string, labels ...string) {
	switch state {
	case "UP", "MIXED":
		g.Tell(f, 1, labels...)
	case "DOWN", "DISABLED", "TRANSIENT":
		g.Tell(f, 0, labels...)
	}
}
