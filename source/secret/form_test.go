package secret

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
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
		if want == nil && len(formsOf(got).exact) > 0 {
			t.Errorf("%s has %q", text, got)
		}
	}
}

// What servers and proxies make of a text that they repeat, each by the standard's own words, one in the other too.
func TestEveryFormOfASecretIsCleared(t *testing.T) {
	each := func(format string) func(string) string {
		return func(s string) string {
			var out strings.Builder
			for _, b := range []byte(s) {
				fmt.Fprintf(&out, format, b)
			}
			return out.String()
		}
	}
	every := map[string]func(string) string{
		"plain": func(s string) string { return s }, "query": url.QueryEscape, "path": url.PathEscape, "html": html.EscapeString,
		"base64":             func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 of a header": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("Bearer " + s + "\r\n")) },
		"base64 of a pair":   func(s string) string { return base64.URLEncoding.EncodeToString([]byte("ab" + s + "!")) },
		"base64 in lines": func(s string) string {
			return regexp.MustCompile(".{5}").ReplaceAllString(base64.StdEncoding.EncodeToString([]byte(s)), "$0\r\n")
		},
		"hex": each("%02x"), "HEX": each("%02X"), "hex dump": each("%02x "), "hex with colons": each("%02X:"),
		"percent": each("%%%02x"), "PERCENT": each("%%%02X"), "JSON": each("\\u%04x"), "JSON in capitals": each("\\u%04X"),
		"C": each("\\x%02x"), "octal": each("\\%03o"), "quoted-printable": each("=%02X"), "XML": each("&#x%x;"), "HTML": each("&#%d;"),
		"HTML with zeros": each("&#%06d;"), "XML in capitals": each("&#X%X;"), "list": func(s string) string { return fmt.Sprintf("%d", []byte(s)) },
		"JavaScript": each("\\u{%x}"),
		"some":       func(s string) string { return s[:3] + each("%%%02x")(s[3:6]) + s[6:] },
	}
	key := "A1b&c<d/e+f=G\"h~9-Zyx"
	k := NewKeeper(key)
	for name, outer := range every {
		for inner, form := range every {
			if form, text := form(key), outer(form(key)); inner == "plain" || name != "some" && !strings.HasPrefix(name, "base64") && !strings.Contains(name, "hex") && name != "HEX" && name != "list" {
				got := k.Clear("before " + text + " behind")
				got = strings.NewReplacer("%5B", "", "%5D", "", "[redacted]", "|", "[", "", "]", "").Replace(got)
				if rest := len(got) - len("before | behind"); rest > 40 && !strings.HasPrefix(inner, "base64 of") || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " behind") || !strings.Contains(got, "|") {
					t.Errorf("%s of %s, %s: %s", name, inner, form, got)
				}
			}
		}
	}
	for _, text := range []string{"nothing%20here &amp; there", "A1b&c<d", "aGVsbG8gd29ybGQ=", "\\u0041bc", "100%", "&", "\\"} {
		if got := k.Clear(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestCutFormsAreCleared(t *testing.T) {
	k := NewKeeper("0123456789")
	for _, text := range []string{"is %30%31%32%33%3", "is &#48;&#49;&#50;&#51;&#5", "is \\u0030\\u0031\\u0032\\u0033\\u00", "is 3031323334", "is MDEyMzQ1"} {
		if got := k.ClearBeginning(text); got != "is [redacted]" {
			t.Errorf("%q became %q", text, got)
		}
	}
}
