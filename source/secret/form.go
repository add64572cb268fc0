package secret

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// forms are the ways in which servers write secrets whole; single bytes of them may be escaped in addition, see layer.
type forms struct {
	exact []string // the longest first: the whole before its parts
	hex   []string // in small letters
}

func formsOf(secrets []string) forms {
	var f forms
	for _, s := range secrets {
		if len(s) < Least {
			continue
		}
		// Of a query + is a blank, and what is escaped once comes out of a layer.
		f.exact = append(f.exact, s, url.QueryEscape(s), numbers(s, " "), numbers(s, ","))
		f.exact = append(f.exact, inBase64(s)...)
		f.hex = append(f.hex, hex.EncodeToString([]byte(s)))
	}
	for _, form := range f.exact {
		if joined := string((layer{[]byte(form), make([]span, len(form))}).joined().text); len(joined) >= Least {
			f.exact = append(f.exact, joined) // as it is where lines were broken in it
		}
	}
	f.exact, f.hex = longestFirst(f.exact), longestFirst(f.hex)
	return f
}

func longestFirst(texts []string) []string {
	slices.Sort(texts)
	texts = slices.Compact(texts)
	slices.SortStableFunc(texts, func(a, b string) int { return len(b) - len(a) })
	return texts
}

// inBase64 is what a secret certainly looks like in base64 of a text that it is part of: it may begin at any of three bits
// of a letter, and what is before and behind it decides about a letter at either end.
func inBase64(s string) (found []string) {
	for before := range 3 {
		padded := append(make([]byte, before), s...)
		from, to := (8*before+5)/6, 8*len(padded)/6
		if to-from < Least {
			continue
		}
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			found = append(found, alphabet.EncodeToString(padded)[from:to])
		}
	}
	return found
}

// numbers is how bytes are printed as a list.
func numbers(s, separator string) string {
	var b []byte
	for i := range len(s) {
		if i > 0 {
			b = append(b, separator...)
		}
		b = strconv.AppendUint(b, uint64(s[i]), 10)
	}
	return string(b)
}

// OfHeader are the secrets of an Authorization header, or of one like it: the token, whatever scheme is named
// before it, or the basic credentials and the password in them (RFC 7617).
func OfHeader(header string) []string {
	_, credentials, schemed := strings.Cut(header, " ")
	if !schemed {
		return []string{header}
	}
	secrets := []string{header, credentials, strings.TrimRight(credentials, "=")}
	if pair, err := base64.StdEncoding.DecodeString(credentials); err == nil {
		if _, password, both := strings.Cut(string(pair), ":"); both {
			secrets = append(secrets, password)
		}
	}
	return secrets
}

// OfURL are the secret parts of a URL: what is before its host, and its query. It need not be a URL
// that anybody could use.
func OfURL(text string) []string {
	text, query, _ := strings.Cut(text, "?")
	secrets := []string{query}
	for pair := range strings.SplitSeq(query, "&") {
		_, value, _ := strings.Cut(pair, "=")
		secrets = append(secrets, value)
		if plain, err := url.QueryUnescape(value); err == nil {
			secrets = append(secrets, plain)
		}
	}
	_, rest, found := strings.Cut(text, "://")
	if !found {
		rest = text
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return secrets
	}
	return append(secrets, ofUser(rest[:at])...)
}

// ofUser are the secrets of what is before a URL's host, as it is written there and as it is sent (RFC 7617).
func ofUser(info string) []string {
	_, password, _ := strings.Cut(info, ":")
	secrets := []string{info, password}
	plain, err := url.PathUnescape(info)
	if err != nil {
		return secrets
	}
	_, password, _ = strings.Cut(plain, ":")
	return append(secrets, password, base64.RawStdEncoding.EncodeToString([]byte(plain)), base64.StdEncoding.EncodeToString([]byte(plain)))
}
