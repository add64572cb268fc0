package netbackup

import (
	"cmp"
	"context"
	"errors"
	"time"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// serverFacts reads what hardly changes, once an hour: who the server is, and when the
// API key expires.
type serverFacts struct {
	*workplace
	keyExpiry, keysExpiring *collect.Family

	readAt  int64 // ms of the server's clock, 0 before it succeeded
	info    api.ServerInfo
	expires time.Time
	keys    []time.Time // when each key runs out that the role may see
}

const collectorServer = "server"

func serverCollector() collector {
	return collector{
		Name: collectorServer, Noun: "api_key", Section: sectionHealth, Optional: true,
		Role: collect.Role{Namespace: "|SECURITY|USERS|API-KEYS|", Screen: "Security > API keys", Without: "the expiry of the key is not known"},
		Start: func(w *workplace) collect.Reader {
			w.site.facts = &serverFacts{
				workplace: w,
				keyExpiry: w.Gauge("nbu_api_key_expiry_timestamp_seconds", "seconds",
					"Time at which the API key expires."),
				keysExpiring: w.Gauge("nbu_api_keys_expiring", "",
					"API keys of all users that expire within a day (1d), a week (7d) or 30 days (30d), as far as the role shows them. Expired ones do not count.", "within"),
			}
			return w.site.facts.read
		},
	}
}

func (s *serverFacts) read(ctx context.Context, now int64) (rows int, err error) {
	const hour = 3_600_000
	if s.readAt == 0 || now-s.readAt >= hour || now < s.readAt {
		if err := s.ask(ctx); err != nil {
			return 0, err
		}
		s.readAt = now
	}
	if !s.expires.IsZero() {
		s.Gauges.Set(s.keyExpiry, float64(s.expires.UnixMilli())/1000)
		rows = 1
	}
	s.tellKeys(time.UnixMilli(now))
	return rows, nil
}

func (s *serverFacts) tellKeys(now time.Time) {
	for _, at := range s.keys {
		left := at.Sub(now)
		for _, within := range []struct {
			label string
			days  time.Duration
		}{{"1d", 1}, {"7d", 7}, {"30d", 30}} {
			*s.Gauges.At(s.keysExpiring, within.label) += truth(left > 0 && left <= within.days*24*time.Hour)
		}
	}
}

func (s *serverFacts) ask(ctx context.Context) error {
	info, err := s.client().ServerInfo(ctx)
	if err != nil && !withheld(err) {
		return err
	}
	expires, keys, err := s.client().APIKeyExpiries(ctx)
	if err != nil && !withheld(err) {
		return err
	}
	info.Name, info.Version = cmp.Or(info.Name, s.info.Name), cmp.Or(info.Version, s.info.Version) // they are labels
	s.info, s.expires, s.keys = info, expires, keys
	return nil
}

// withheld says that the server has it not, or not for this credential: what is optional
// is then absent.
func withheld(err error) bool {
	return errors.Is(err, api.ErrNotOffered) || errors.Is(err, api.ErrRole)
}
