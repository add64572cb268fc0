package agent

import (
	"fmt"

	"backwire/agent/config"
	"backwire/remotewrite/send"
)

// Receivers are the endpoints of a configuration in remotewrite's own terms, those that export left out.
func Receivers(c *config.Config, version string) ([]send.Config, error) {
	var receivers []send.Config
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if e.URL.Dir() != "" {
			continue
		}
		made, err := endpointConfig(c, e, version)
		if err != nil {
			return nil, fmt.Errorf("endpoint %s: %w", e.Name, err)
		}
		receivers = append(receivers, made)
	}
	return receivers, nil
}
