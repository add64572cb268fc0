package netbackup

import (
	"context"
	"strings"
	"time"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// licenseCollector tells when licences end, and for how many bytes they are.
func licenseCollector() collector {
	return collector{
		Name: "licenses", Noun: "license", Section: sectionProtection, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).Licenses),
		Role: collect.Role{Namespace: "|MANAGE|LICENSING|", Screen: "Settings > License management", Without: "no licences and no service dates"},
		Start: func(w *workplace) collect.Reader {
			expiry := w.Gauge("nbu_license_expiry_timestamp_seconds", "seconds",
				"Time at which the first licence of the product ends, or its service, whichever is earlier. Those that ended before count only if no other is left. Absent for licences without an end.", "product")
			licensed := w.Gauge("nbu_licensed_bytes", "bytes",
				"Capacity of all active licences that count front-end terabytes, by meter (FETB, FETB_PLUS). A terabyte is 2^40 bytes.", "meter")
			return collect.NewCached(w.site.background, w.Place, settled, func(ctx context.Context, pages *collect.Pages, g *collect.Gauges) (int, error) {
				now, ends := w.site.now(), map[string]time.Time{}
				n, err := collect.CountRows(w.client().Licenses, func(g *collect.Gauges, l *api.License) {
					if !l.Active {
						return
					}
					for _, end := range []time.Time{l.End, l.ServiceEnd} {
						if _, known := ends[l.Product]; !end.IsZero() && (known || len(ends) < mostProducts) {
							ends[l.Product] = nextEnd(ends[l.Product], end, now)
						}
					}
					if strings.HasPrefix(l.Meter, "FETB") {
						g.AddGiven(licensed, licensedBytes(l), l.Count.Given, l.Meter)
					}
				})(api.WithBudget(ctx, pages), g)
				for product, end := range ends {
					g.Set(expiry, float64(milliseconds(end))/1000, product)
				}
				return n, err
			}).Read
		},
	}
}

// mostProducts is far beyond what the vendor sells.
const mostProducts = 1_000

const (
	bytesPerTerabyte = 1 << 40
	bytesPerMegabyte = 1 << 20
)

// nextEnd is the one of two ends that comes next, or the last one where both are over.
func nextEnd(a, b, now time.Time) time.Time {
	switch aOver, bOver := !a.After(now), !b.After(now); {
	case a.IsZero(), aOver && !bOver, aOver == bOver && aOver == b.After(a):
		return b
	}
	return a
}

// licensedBytes are those of a licence; a multiplier that is not given is 1.
func licensedBytes(l *api.License) float64 {
	multiplier := 1.0
	if l.Multiplier.Given && l.Multiplier.Value > 0 {
		multiplier = l.Multiplier.Value
	}
	return float64(l.Count.Value) * multiplier * bytesPerTerabyte
}

// frontEndCollector tells how many bytes are protected, as the licence counts them.
func frontEndCollector() collector {
	return collector{
		Name: "front_end", Noun: "front_end", Section: sectionProtection, Optional: true, Every: 4 * collect.Seldom, First: firstOf((*api.Client).FrontEnds),
		Role: collect.Role{Namespace: "|MANAGE|LICENSING|USAGE|", Screen: "Settings > License management", Without: "no front-end bytes"},
		Start: func(w *workplace) collect.Reader {
			used := w.Gauge("nbu_front_end_bytes", "bytes",
				"Front-end data of all primary servers in the server's last usage report. A megabyte of the report is 2^20 bytes.")
			byType := w.Gauge("nbu_front_end_policy_bytes", "bytes",
				"Front-end data in that report by the type of the policies that protect it, as the report names it. A client of several policies can be in several types.", "policy_type")
			return counting(w, (*api.Client).FrontEnds, func(g *collect.Gauges, f *api.FrontEnd) {
				for _, u := range f.Types {
					g.AddGiven(byType, u.Megabytes.Value*bytesPerMegabyte, u.Megabytes.Given, u.PolicyType)
				}
				g.AddGiven(used, f.Megabytes.Value*bytesPerMegabyte, f.Megabytes.Given)
			})
		},
	}
}
