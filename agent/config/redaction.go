package config

import (
	"maps"
	"slices"

	"backwire/source/secret"
)

// Shown is a setting as anybody may see it.
type Shown struct {
	Name, Value string
	Origin      string // "file:line", empty for the environment
}

// Show lists what is set, without its secrets. What is not a variable at all is not shown
// either: it may be a secret with a mistyped name.
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
// them.
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
	return secrets
}

// warnOfExposed says which secrets are in an env file that others may read.
func (l *loader) warnOfExposed(file []Assignment) {
	variables := l.variables()
	for _, a := range file {
		v, known := variables[a.Name]
		if a.mode&0o004 == 0 || !known || !holdsSecret(v, a.Value) {
			continue
		}
		l.warn("%s is in %s, which every user on this host can read (mode %04o); chmod o-rwx %s", a.Name, a.file, a.mode, a.file)
	}
}

// holdsSecret says whether a value is a credential itself, or has one in it.
func holdsSecret(v variable, value string) bool {
	switch v.field.Interface().(type) {
	case Secret, Pairs:
		return value != ""
	case URL, Target, Proxy:
		return slices.ContainsFunc(secret.OfURL(value), func(part string) bool { return part != "" })
	}
	return false
}

// secrets are those that a setting's value is or refers to, whole and in parts.
func (l *loader) secrets(v variable, value string) []string {
	switch v.field.Interface().(type) {
	case Secret, Pairs:
		return withParts(value)
	case URL, Target, Proxy:
		return secret.OfURL(value)
	case File:
		path, _, err := findFile(value, l.credentials)
		if err != nil || v.tags.Get("secret") == "" {
			return nil
		}
		if content, err := ReadSecret(path); err == nil {
			return withParts(content)
		}
	}
	return nil
}

// withParts adds the values of key:value pairs, which is what headers are.
func withParts(text string) []string {
	parts := []string{text}
	pairs, err := parsePairs(text)
	if err != nil {
		return parts
	}
	for _, pair := range pairs {
		parts = append(parts, pair.Value)
	}
	return parts
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
