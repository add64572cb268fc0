package config

import (
	"strings"
	"testing"
)

func TestPrimaryOfIncompleteSettings(t *testing.T) {
	t.Parallel()
	// No credential, no endpoint, and a file that is not there yet.
	p, err := LoadPrimary([]string{"BACKWIRE_NETBACKUP_URL=https://p.example/netbackup", "BACKWIRE_NETBACKUP_CA_FILE=/nowhere/ca.pem"}, nil, "")
	if err != nil || p.URL.String() != "https://p.example/netbackup" || p.CAFile != "/nowhere/ca.pem" || p.Variable("CA_FILE") != "BACKWIRE_NETBACKUP_CA_FILE" {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestPrimaryOfSeveral(t *testing.T) {
	t.Parallel()
	environ := []string{
		"BACKWIRE_NETBACKUP_SITES=paris,new-york", "BACKWIRE_NETBACKUP_PARIS_URL=https://p.example",
		"BACKWIRE_NETBACKUP_NEW_YORK_URL=https://n.example",
	}
	p, err := LoadPrimary(environ, nil, "new-york")
	if err != nil || p.URL.Host != "n.example" || p.Variable("CA_FILE") != "BACKWIRE_NETBACKUP_NEW_YORK_CA_FILE" {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, name := range []string{"", "rome"} {
		if _, err := LoadPrimary(environ, nil, name); err == nil || !strings.Contains(err.Error(), "one of paris, new-york") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := LoadPrimary(environ[1:2], nil, "paris"); err == nil || !strings.Contains(err.Error(), "SITES lists none") {
		t.Errorf("no names: %v", err)
	}
	if _, err := LoadPrimary([]string{"BACKWIRE_NETBACKUP_URL=ftp://x"}, nil, ""); err == nil || !strings.Contains(err.Error(), "BACKWIRE_NETBACKUP_URL") {
		t.Errorf("wrong URL: %v", err)
	}
}
