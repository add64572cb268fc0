package netbackup

import (
	"cmp"
	"context"
	"slices"
	"time"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// certificateCollector tells whose certificate runs out next.
func certificateCollector() collector {
	return collector{
		Name: "certificates", Noun: "certificate", Section: sectionProtection, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).Certificates),
		Role: collect.Role{
			Namespace: "|SECURITY|CERTIFICATE-MANAGEMENT|NETBACKUP-CERTIFICATES|", Screen: "Security > Certificates", Without: "not known when the certificates of hosts expire",
		},
		Start: func(w *workplace) collect.Reader {
			expiry := w.Gauge("nbu_certificate_expiry_timestamp_seconds", "seconds",
				"Time at which the certificate of the host expires, for the hundred that expire first. One that expired more than 30 days ago has none: its host is gone.", "host")
			byMonth := w.Gauge("nbu_certificates_expiring", "",
				"Certificates of hosts by the month in which they expire (2027-03, UTC), expired for those of the past, later for those beyond three years.", "month")
			return collect.NewCached(w.site.background, w.Place, settled, func(ctx context.Context, pages *collect.Pages, g *collect.Gauges) (int, error) {
				now, first := w.site.now(), firstToExpire{}
				n, err := collect.CountRows(w.client().Certificates, func(g *collect.Gauges, c *api.Certificate) {
					if !c.Valid || c.Expires.IsZero() {
						return
					}
					g.Count(byMonth, monthOf(c.Expires, now))
					if now.Sub(c.Expires) < 30*24*time.Hour {
						first.add(c)
					}
				})(api.WithBudget(ctx, pages), g)
				for _, c := range first {
					g.Least(expiry, float64(milliseconds(c.Expires))/1000, c.Host)
				}
				return n, err
			}).Read
		},
	}
}

// monthOf is a label of one of forty values, however a server lies.
func monthOf(at, now time.Time) string {
	switch {
	case !at.After(now):
		return "expired"
	case at.After(now.AddDate(3, 0, 0)):
		return "later"
	}
	return at.UTC().Format("2006-01")
}

// firstToExpire are the certificates that expire first, in their order.
type firstToExpire []api.Certificate

// mostExpiring is how many are shown one by one.
const mostExpiring = 100

func (f *firstToExpire) add(c *api.Certificate) {
	i, _ := slices.BinarySearchFunc(*f, c, func(a api.Certificate, b *api.Certificate) int {
		return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.Host, b.Host))
	})
	if i == mostExpiring {
		return
	}
	*f = slices.Insert(*f, i, *c)
	*f = (*f)[:min(len(*f), mostExpiring)]
}
