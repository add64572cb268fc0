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
	keyExpiry *collect.Family

	readAt  int64 // ms of the server's clock, 0 before it succeeded
	info    api.ServerInfo
	expires time.Time
}

const collectorServer = "server"

func serverCollector() collector {
	return collector{
		Name: collectorServer, Noun: "api_key", Section: sectionHealth, Optional: true,
		Role: collect.Role{Namespace: "|SECURITY|USERS|API-KEYS|", Screen: "Security > API keys", Without: "the expiry of the key is not known"},
		Start: func(w *workplace) collect.Reader {
			w.site.facts = &serverFacts{workplace: w, keyExpiry: w.Gauge("nbu_api_key_expiry_timestamp_seconds", "seconds",
				"Time at which the API key expires.")}
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
	return rows, nil
}

func (s *serverFacts) ask(ctx context.Context) error {
	info, err := s.client().ServerInfo(ctx)
	if err != nil && !withheld(err) {
		return err
	}
	expires, err := s.client().APIKeyExpiry(ctx)
	if err != nil && !withheld(err) {
		return err
	}
	info.Name, info.Version = cmp.Or(info.Name, s.info.Name), cmp.Or(info.Version, s.info.Version) // they are labels
	s.info, s.expires = info, expires
	return nil
}

// withheld says that the server has it not, or not for this credential: what is optional
// is then absent.
func withheld(err error) bool {
	return errors.Is(err, api.ErrNotOffered) || errors.Is(err, api.ErrRole)
}
