package agent

import (
	"fmt"
	"os"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
)

// protection is what a web configuration file puts before the page.
type protection struct {
	encrypted bool
	password  bool
	mutual    bool // TLS with verified client certificates
}

// readProtection reads a file in the format that Prometheus and its exporters share.
func readProtection(path File) (protection, error) {
	if err := web.Validate(string(path)); err != nil {
		return protection{}, err
	}
	text, err := os.ReadFile(string(path))
	if err != nil {
		return protection{}, fmt.Errorf("read the web configuration: %w", err)
	}
	var c web.Config
	if err := yaml.Unmarshal(text, &c); err != nil {
		return protection{}, fmt.Errorf("read the web configuration %s: %w", path, err)
	}
	encrypted := c.TLSConfig.TLSCertPath != "" || c.TLSConfig.TLSCert != ""
	return protection{
		encrypted: encrypted, password: len(c.Users) > 0,
		mutual: encrypted && c.TLSConfig.ClientAuth == "RequireAndVerifyClientCert",
	}, nil
}

// unguarded says why a page is refused that others can reach.
const unguarded = "expected a loopback host (127.0.0.1, ::1, localhost), or users with passwords or client certificates in the file that " +
	prefix + "_LISTEN_CONFIG_FILE names"

// validatePage wants something before a page that others than this machine can reach.
func (l *loader) validatePage(c *Config) {
	b := newBlock(prefix, "")
	if l.refused(b, "LISTEN") || l.refused(b, "LISTEN_CONFIG_FILE") {
		return
	}
	var p protection
	if c.ListenConfigFile != "" {
		var err error
		if p, err = readProtection(c.ListenConfigFile); err != nil {
			l.refuseNamed(prefix+"_LISTEN_CONFIG_FILE", string(c.ListenConfigFile), "expected a web configuration as of Prometheus: "+err.Error())
			return
		}
	}
	switch {
	case c.Listen.local():
	case !p.password && !p.mutual:
		l.refuseNamed(prefix+"_LISTEN", string(c.Listen), unguarded)
	case !p.encrypted:
		l.warn("%s_LISTEN=%s without TLS: passwords travel in the clear; set a certificate in %s", prefix, c.Listen, c.ListenConfigFile)
	}
}
