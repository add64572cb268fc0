package secret

import (
	"slices"
	"testing"
)

func TestSecretsOfAURL(t *testing.T) {
	for text, want := range map[string][]string{
		"https://m.example/push":                        nil,
		"https://m.example/push?token=a%2Fquery&x=more": {"token=a%2Fquery&x=more", "a%2Fquery", "a/query", "more"},
		"http://user:pass%40word@proxy.example":         {"user:pass%40word", "pass%40word", "pass@word", "dXNlcjpwYXNzQHdvcmQ="},
		"user:password@proxy.example":                   {"user:password", "password"},
	} {
		got := OfURL(text)
		for _, secret := range want {
			if !slices.Contains(got, secret) {
				t.Errorf("%s: %q is not among %q", text, secret, got)
			}
		}
		if want == nil && len(formsOf(got)) > 0 {
			t.Errorf("%s has %q", text, got)
		}
	}
}
