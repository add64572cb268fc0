package page

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A browser sends the name that it was given, whatever address that leads to (RFC 9110, 7.2).
func TestPageAnswersOnlyByItsNames(t *testing.T) {
	h := Hosts{Named: []string{"127.0.0.1", "backup.example"}}
	server := httptest.NewServer(h.Only(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "facts") })))
	defer server.Close()
	for host, known := range map[string]bool{
		"127.0.0.1:9469": true, "localhost:9469": true, "LOCALHOST": true, "localhost.": true, "[::1]:9469": true, "[::1]": true, "127.0.0.2": true,
		"backup.example": true, "Backup.Example:80": true,
		"evil.example": false, "evil.example:9469": false, "127.0.0.1.evil.example": false, "localhost.evil.example:9469": false,
		"backup.example.evil.example": false, "192.0.2.1:9469": false, "0.0.0.0:9469": false,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if answered := strings.Contains(string(body), "facts"); err != nil || answered != known || known != (resp.StatusCode == http.StatusOK) {
			t.Errorf("%s: %d %s, %v", host, resp.StatusCode, body, err)
		}
	}
}
