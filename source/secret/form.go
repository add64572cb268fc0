package secret

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// formsOf are all ways in which servers write secrets, the longest first: the whole before its parts.
func formsOf(secrets []string) []string {
	forms := []string{}
	for _, s := range secrets {
		if len(s) >= Least {
			forms = append(forms, s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), inJSON(s), inQuotes(s))
		}
	}
	slices.Sort(forms)
	forms = slices.Compact(forms)
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return forms
}

// inJSON escapes <, > and & too, as Go's servers do; what those write that do not is inQuotes.
func inJSON(s string) string {
	text, _ := json.Marshal(s) // a string always can be
	return string(text[1 : len(text)-1])
}

// inQuotes is how most others write a JSON string, and how Go's errors quote what they do not understand.
func inQuotes(s string) string {
	text := strconv.Quote(s)
	return text[1 : len(text)-1]
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

// OfURL are the parts of a URL that nobody may see: what is before its host, and its query. It need not be a URL
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
