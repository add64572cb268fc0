package netbackup

import (
	"encoding/binary"
	"errors"

	"backwire/source"
)

// clock is how far the server's clock is ahead of the agent's. It is remembered, so that after a restart the times that
// the server stamped are shown in the agent's before the server has answered:
//
//	clock = version, skew in ms as varint
type clock struct {
	skew  int64 // ms
	saved int64 // what the state has
}

const (
	clockKey     = "clock"
	clockVersion = 1
	clockStep    = 1000 // ms by which the skew must have changed to be written again
)

func (c *clock) changes() []source.Change {
	if moved := c.skew - c.saved; moved < clockStep && moved > -clockStep {
		return nil
	}
	c.saved = c.skew
	return []source.Change{{Key: clockKey, Value: binary.AppendVarint([]byte{clockVersion}, c.skew)}}
}

func (c *clock) restore(value []byte) error {
	if len(value) == 0 || value[0] != clockVersion {
		return errors.New("state key \"" + clockKey + "\" has an unknown version")
	}
	skew, size := binary.Varint(value[1:])
	if size <= 0 {
		return errors.New("state key \"" + clockKey + "\" is truncated")
	}
	c.skew, c.saved = skew, skew
	return nil
}
