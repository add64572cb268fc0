package netbackup

import (
	"context"
	"errors"
	"time"
)

// serverFacts reads what hardly changes, once an hour: who the server is, and when the
// API key expires.
type serverFacts struct {
	c      *catalogue
	client *Client
	gauges *gauges

	readAt  int64 // ms of the server's clock, 0 before it succeeded
	info    ServerInfo
	expires time.Time
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
		s.gauges.set(s.c.keyExpiry, float64(s.expires.UnixMilli())/1000)
		rows = 1
	}
	return rows, nil
}

func (s *serverFacts) ask(ctx context.Context) error {
	info, err := s.client.ServerInfo(ctx)
	if err != nil && !withheld(err) {
		return err
	}
	expires, err := s.client.APIKeyExpiry(ctx)
	if err != nil && !withheld(err) {
		return err
	}
	keep(&info.Name, s.info.Name) // they are labels
	keep(&info.Version, s.info.Version)
	s.info, s.expires = info, expires
	return nil
}

// withheld says that the server has it not, or not for this credential: what is optional
// is then absent.
func withheld(err error) bool { return errors.Is(err, ErrNotOffered) || errors.Is(err, ErrRole) }

// release is the NetBackup release that an API version came with, empty for one that is
// not known.
func release(apiVersion string) string {
	switch apiVersion {
	case "10.0":
		return "10.3"
	case "11.0":
		return "10.4"
	case "12.0":
		return "10.5"
	case "13.0":
		return "11.0"
	case "14.0":
		return "11.2"
	}
	return ""
}
