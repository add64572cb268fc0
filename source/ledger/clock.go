package ledger

import (
	"encoding/binary"
	"errors"

	"backwire/source"
)

// Clock is how far the server's clock is ahead of the agent's. It is remembered, so that after a restart the times that
// the server stamped are shown in the agent's before the server has answered:
//
//	clock = version, skew in ms as varint
type Clock struct {
	Skew  int64 // ms
	saved int64 // what the state has
}

const (
	// ClockKey is where the state of a site has the clock.
	ClockKey     = "clock"
	clockVersion = 1
	clockStep    = 1000 // ms by which the skew must have changed to be written again
)

// changes is the key of the clock, where it has changed by more than a little.
func (c *Clock) changes() []source.Change {
	if moved := c.Skew - c.saved; moved < clockStep && moved > -clockStep {
		return nil
	}
	c.saved = c.Skew
	return []source.Change{{Key: ClockKey, Value: binary.AppendVarint([]byte{clockVersion}, c.Skew)}}
}

// Restore takes the key back.
func (c *Clock) Restore(value []byte) error {
	if len(value) == 0 || value[0] != clockVersion {
		return errors.New("state key \"" + ClockKey + "\" has an unknown version")
	}
	r := source.ReadState(value[1:])
	skew := r.Varint()
	if r.Short() {
		return errors.New("state key \"" + ClockKey + "\" is truncated")
	}
	c.Skew, c.saved = skew, skew
	return nil
}
