package config

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path/filepath"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"

	"backwire/source/regular"
)

// protection is what a web configuration file puts before the page.
type protection struct {
	encrypted bool
	password  bool
	mutual    bool // TLS with verified client certificates
}

// readWeb reads a file in the format that Prometheus and its exporters share.
func readWeb(path string) (c web.Config, err error) {
	text, err := regular.Read(path, maxTextFile)
	if err != nil {
		return c, fmt.Errorf("read the web configuration: %w", err)
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("read the web configuration %s: %w", path, err)
	}
	c.TLSConfig.SetDirectory(filepath.Dir(path))
	return c, nil
}

// PageCertificate is the one that the page shows by a web configuration; nil where it shows none.
func PageCertificate(path string) (*x509.Certificate, error) {
	if path == "" {
		return nil, nil
	}
	c, err := readWeb(path)
	if err != nil {
		return nil, err
	}
	text := []byte(c.TLSConfig.TLSCert)
	if c.TLSConfig.TLSCertPath != "" {
		if text, err = regular.Read(c.TLSConfig.TLSCertPath, maxTextFile); err != nil {
			return nil, fmt.Errorf("read the certificate of the status page: %w", err)
		}
	}
	if len(text) == 0 {
		return nil, nil
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("read the certificate of the status page: %s contains none", path)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of the status page: %w", err)
	}
	return certificate, nil
}

// readProtection says what a web configuration asks for.
func readProtection(path File) (protection, error) {
	c, err := readWeb(string(path))
	if err != nil {
		return protection{}, err
	}
	if err := web.Validate(string(path)); err != nil { // reads whatever the path leads to, so it comes second
		return protection{}, err
	}
	encrypted := c.TLSConfig.TLSCertPath != "" || c.TLSConfig.TLSCert != ""
	return protection{
		encrypted: encrypted, password: len(c.Users) > 0,
		mutual: encrypted && c.TLSConfig.ClientAuth == "RequireAndVerifyClientCert",
	}, nil
}

// PageGuarded says whether the page asks everybody for a password or a certificate.
func (c *Config) PageGuarded() bool {
	if c.ListenConfigFile == "" {
		return false
	}
	p, err := readProtection(c.ListenConfigFile)
	return err == nil && (p.password || p.mutual)
}

// unguarded says why a page is refused that others can reach.
const unguarded = "expected a loopback host (127.0.0.1, ::1, localhost), or users with passwords or client certificates in the file of " +
	prefix + "_LISTEN_CONFIG_FILE"

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
			l.refuseNamed(prefix+"_LISTEN_CONFIG_FILE", string(c.ListenConfigFile), "expected a web configuration file in the format of Prometheus: "+err.Error())
			return
		}
	}
	switch {
	case c.Listen.local():
	case !p.password && !p.mutual:
		l.refuseNamed(prefix+"_LISTEN", string(c.Listen), unguarded)
	case !p.encrypted:
		l.warn("%s_LISTEN=%s without TLS: passwords are sent unencrypted; set a certificate in %s", prefix, c.Listen, c.ListenConfigFile)
	}
}
