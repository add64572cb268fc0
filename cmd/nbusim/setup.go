package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"backwire/source/netbackup/nbusim"
)

// setup is what the flags say.
type setup struct {
	listen, release, key, caOut, truth string
	plain                              bool
	history, units                     int
	span, keep                         time.Duration
	work                               nbusim.Workload
}

func (o *setup) start() (*nbusim.Server, error) {
	s, err := nbusim.New(nbusim.Options{
		Release: o.release, Keys: []nbusim.APIKey{{Key: o.key}}, Storage: nbusim.NewEstate(o.units), KeepJobs: o.keep,
	})
	if err != nil {
		return nil, err
	}
	s.AddHistory(o.work, o.history, o.span)
	s.AddFindings()
	s.Work(o.work)
	if o.caOut != "" {
		if err := os.WriteFile(o.caOut, s.CA(), 0o644); err != nil { //nolint:gosec // a certificate is public
			return nil, fmt.Errorf("write the CA certificate: %w", err)
		}
	}
	if o.plain {
		return s, s.Start(o.listen)
	}
	return s, s.StartTLS(o.listen)
}

func (o *setup) writeTruth(s *nbusim.Server) error {
	if o.truth == "" {
		return nil
	}
	b, err := json.Marshal(s.Truth())
	if err != nil {
		return fmt.Errorf("encode the true counts: %w", err)
	}
	if err := os.WriteFile(o.truth, b, 0o600); err != nil {
		return fmt.Errorf("write the true counts: %w", err)
	}
	return nil
}
