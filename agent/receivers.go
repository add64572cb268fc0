package agent

import (
	"fmt"

	"backwire/remotewrite"
)

// LoadEndpoints is Load without sites, for commands that send on a machine where nothing is collected.
func LoadEndpoints(environ []string, file []Assignment) (*Config, error) {
	l := newLoader(environ, file)
	c := &Config{}
	l.fill(newBlock(prefix, ""), c)
	l.loadEndpoints(c)
	l.validateEndpoints(c)
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	c.Warnings = l.warnings
	return c, nil
}

// Receivers are the endpoints in remotewrite's own terms, those that export left out.
func (c *Config) Receivers(version string) ([]remotewrite.EndpointConfig, error) {
	var receivers []remotewrite.EndpointConfig
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if e.URL.Dir() != "" {
			continue
		}
		made, err := c.endpointConfig(e, version)
		if err != nil {
			return nil, fmt.Errorf("endpoint %s: %w", e.Name, err)
		}
		receivers = append(receivers, made)
	}
	return receivers, nil
}
