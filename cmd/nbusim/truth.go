package main

import (
	"encoding/json"
	"fmt"
	"os"

	"backwire/source/netbackup/nbusim"
)

func (o *setup) writeTruth(s *nbusim.Server) error {
	if o.truth == "" {
		return nil
	}
	b, err := json.Marshal(s.Truth())
	if err != nil {
		return fmt.Errorf("encode the truth: %w", err)
	}
	if err := os.WriteFile(o.truth, b, 0o600); err != nil {
		return fmt.Errorf("write the truth: %w", err)
	}
	return nil
}
