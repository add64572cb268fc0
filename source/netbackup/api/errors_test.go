package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// What a server says reaches terminals and logs by the error's text: status, check, the log and the page all print it.
// ECMA-48 names what a terminal obeys: C0 and C1 controls.
func TestErrorIsOnePrintableLine(t *testing.T) {
	const hostile = `\u001b[2J\u001b]0;title\u0007\u009b31mall is well\nlevel=INFO msg=\"backup ok\"\u202egnp`
	for name, answer := range map[string]*http.Response{
		"new body":   reply(500, `{"errorCode":1,"errorMessage":"`+hostile+`","errorDetails":["`+hostile+`"]}`),
		"old body":   reply(500, `{"errorCode":1,"errorMessage":"`+hostile+`","details":{"a":"`+hostile+`"}}`),
		"not NBU":    reply(500, "\x1b[2J\u009b31m\r\nfaked"),
		"not JSON":   reply(200, "\x1b[2J\u009b31m\r\nfaked"),
		"redirect":   {StatusCode: 302, Header: http.Header{"Location": {"https://a/\u009b31m\u202e"}}, Body: http.NoBody},
		"request id": {StatusCode: 500, Header: http.Header{"X-Request-Id": {"\u009b31m\x1b[2J"}}, Body: http.NoBody},
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, func(*http.Request) *http.Response { return answer })
			_, err := c.get(t.Context(), "/storage/drives", nil)
			for _, e := range c.TapeDrives(t.Context()) {
				err = errors.Join(err, e)
			}
			for line := range strings.SplitSeq(err.Error(), "\n") { // of errors.Join
				if !strings.HasPrefix(line, "GET ") || strings.ContainsFunc(line, func(r rune) bool {
					return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e
				}) {
					t.Errorf("not one printable line: %q", line)
				}
			}
		})
	}
}
