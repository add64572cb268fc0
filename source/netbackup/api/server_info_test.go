package api

import (
	"errors"
	"net/http"
	"testing"
)

func TestServerInfoNeedsNoCredential(t *testing.T) {
	c := newTestClient(t, func(r *http.Request) *http.Response {
		if r.URL.Path != "/netbackup/security/serverinfo" || r.Header.Get("Authorization") != "" {
			t.Errorf("asked %s with %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		return reply(200, `{"serverName":"primary.example","nbuVersion":"11.0","ssoEnabled":false,"nbuKeySize":2048}`)
	})
	if got, err := c.ServerInfo(t.Context()); err != nil || got != (ServerInfo{Name: "primary.example", Version: "11.0"}) {
		t.Errorf("server info %+v %v", got, err)
	}
}

func TestServerInfoNotReadable(t *testing.T) {
	for _, body := range []string{`<html>`, `{"serverName":`, ``} {
		c := newTestClient(t, func(*http.Request) *http.Response { return reply(200, body) })
		if _, err := c.ServerInfo(t.Context()); !errors.Is(err, ErrDecode) {
			t.Errorf("%s: error %v, want an unreadable answer", body, err)
		}
	}
}
