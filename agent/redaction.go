package agent

import (
	"maps"
	"slices"
	"strings"
)

// Shown is a setting as anybody may see it.
type Shown struct {
	Name, Value string
	Origin      string // "file:line", empty for the environment
}

// Show lists what is set, without its secrets. What is not a variable at all is not shown
// either: it may be a secret behind a mistyped name.
func Show(environ []string, file []Assignment) []Shown {
	l := newLoader(environ, file)
	variables := l.variables()
	shown := make([]Shown, 0, len(l.settings))
	for _, name := range slices.Sorted(maps.Keys(l.settings)) {
		s, value := l.settings[name], redacted
		if v, known := variables[name]; known {
			value = show(v, s.value)
		}
		shown = append(shown, Shown{name, value, s.origin})
	}
	return shown
}

// show is a value as a problem may print it, and anything else.
func show(v variable, text string) string {
	if text == "" {
		return ""
	}
	switch v.field.Interface().(type) {
	case URL, Target, Proxy:
		return maskURL(text)
	case Secret, Pairs: // parameters of a request for a token may be its credential
		return redacted
	}
	return text
}

// Secrets are all secrets that the settings hold, those in files included, so that a text can be cleared of
// them. What a text cannot be searched for, because it would be found everywhere, is left out.
func Secrets(environ []string, file []Assignment) []string {
	l := newLoader(environ, file)
	variables := l.variables()
	var secrets []string
	for name, s := range l.settings {
		v, known := variables[name]
		if !known {
			secrets = append(secrets, s.value)
			continue
		}
		secrets = append(secrets, l.secrets(v, s.value)...)
	}
	slices.Sort(secrets)
	slices.SortStableFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // the whole before its parts
	secrets = slices.Compact(secrets)
	return slices.DeleteFunc(secrets, func(s string) bool { return len(s) < leastSecret })
}

// leastSecret is the length, in bytes, of the shortest secret that a text is searched for.
const leastSecret = 4

// secrets are those that a setting's value is or refers to, whole and in parts.
func (l *loader) secrets(v variable, value string) []string {
	switch v.field.Interface().(type) {
	case Secret, Pairs:
		return withParts(value)
	case URL, Target, Proxy:
		return urlSecrets(value)
	case File:
		path, _, err := findFile(value, l.credentials)
		if err != nil || v.tags.Get("secret") == "" {
			return nil
		}
		if secret, err := readSecret(path); err == nil {
			return withParts(secret)
		}
	}
	return nil
}

// withParts adds the values of key:value pairs, which is what headers are.
func withParts(secret string) []string {
	parts := []string{secret}
	pairs, err := parsePairs(secret)
	if err != nil {
		return parts
	}
	for _, pair := range pairs {
		parts = append(parts, pair.Value)
	}
	return parts
}

// urlSecrets are the parts of a URL that maskURL hides.
func urlSecrets(text string) []string {
	text, query, _ := strings.Cut(text, "?")
	secrets := []string{query}
	for pair := range strings.SplitSeq(query, "&") {
		_, value, _ := strings.Cut(pair, "=")
		secrets = append(secrets, value)
	}
	_, rest, found := strings.Cut(text, "://")
	if !found {
		rest = text
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return secrets
	}
	_, password, _ := strings.Cut(rest[:at], ":")
	return append(secrets, rest[:at], password)
}

// variables are all that these settings can set, by name: those of every named block too.
func (l *loader) variables() map[string]variable {
	all := map[string]variable{}
	add := func(prefix string, spec any) {
		for _, v := range gather(prefix, spec) {
			all[v.name] = v
		}
	}
	add(prefix, &Config{})
	for _, kind := range []struct {
		shared, names string
		spec          func() any
	}{
		{sitePrefix, sitePrefix + "_SITES", func() any { return &Site{} }},
		{endpointPrefix, endpointPrefix + "_ENDPOINTS", func() any { return &Endpoint{} }},
	} {
		var names Names
		_ = names.UnmarshalText([]byte(l.settings[kind.names].value)) // those before a wrong one
		for _, name := range append(names, "") {
			add(newBlock(kind.shared, name).levels[0], kind.spec())
		}
	}
	return all
}
