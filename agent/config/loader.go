package config

import (
	"encoding"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"text/template"

	"github.com/kelseyhightower/envconfig"
)

// envconfig names the variables and knows their defaults and descriptions, from the struct's
// tags. It does not fill them: its Process reads the process's own environment, which a test
// cannot do in parallel and an env file is not in, stops at the first wrong value and prints
// it raw, secrets included. So the struct is gathered by envconfig and filled from setting.

// variable is one field of a spec and the variable that sets it.
type variable struct {
	name  string // with prefix
	field reflect.Value
	tags  reflect.StructTag
}

// gather lists the variables of a spec, a pointer to a struct. It panics where envconfig
// refuses the spec, which depends on its type alone.
func gather(prefix string, spec any) []variable {
	var variables []variable
	add := func(name string, field reflect.Value, tags reflect.StructTag) string {
		variables = append(variables, variable{name, field, tags})
		return ""
	}
	each := template.Must(template.New("").Funcs(template.FuncMap{"add": add}).
		Parse(`{{range .}}{{add .Key .Field .Tags}}{{end}}`))
	if err := envconfig.Usaget(prefix, spec, io.Discard, each); err != nil {
		panic(err)
	}
	return variables
}

// setting is a variable that is set.
type setting struct {
	name, value string
	origin      string // "file:line", empty for the environment
}

// block is where a spec's variables are looked for: under its own name first, then under
// the name that all blocks share.
type block struct {
	levels []string
	named  string // the block's name, empty for the only one
}

// newBlock is the block of a name under what all its kind begin with; the only one has none.
func newBlock(shared, name string) block {
	if name == "" {
		return block{levels: []string{shared}}
	}
	own := shared + "_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	return block{levels: []string{own, shared}, named: name}
}

// loader fills specs and gathers every problem.
type loader struct {
	settings    map[string]setting
	credentials string // $CREDENTIALS_DIRECTORY
	known       map[string]string
	problems    Problems
	warnings    []string
}

func newLoader(environ []string, file []Assignment) *loader {
	l := &loader{settings: map[string]setting{}, known: map[string]string{}}
	for _, a := range file {
		if !strings.HasPrefix(a.Name, prefix+"_") {
			l.warn("%s (%s) has no effect: the env file sets %s_ variables only", a.Name, a.Origin, prefix)
			continue
		}
		if a.odd != "" {
			l.warn("%s (%s) %s", a.Name, a.Origin, a.odd)
		}
		l.settings[a.Name] = setting{a.Name, a.Value, a.Origin}
		if a.mode&0o002 != 0 {
			l.warn("%s can be changed by every user on this host (mode %04o), who can then redirect secrets and samples; chmod o-rwx %s", a.file, a.mode, a.file)
		}
	}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, prefix+"_") {
			l.settings[name] = setting{name: name, value: value}
		}
		if name == "CREDENTIALS_DIRECTORY" {
			l.credentials = value
		}
	}
	return l
}

func (l *loader) warn(format string, args ...any) {
	warning := fmt.Sprintf(format, args...)
	if !slices.Contains(l.warnings, warning) {
		l.warnings = append(l.warnings, warning)
	}
}

// refuse notes a problem with a setting, once where several blocks inherit it.
func (l *loader) refuse(s setting, shown, expected string) {
	p := Problem{Variable: s.name, Value: shown, Origin: s.origin, Expected: expected}
	if !slices.Contains(l.problems, p) {
		l.problems = append(l.problems, p)
	}
}

// loadBlocks fills one spec a name, or the only one where there are no names.
func loadBlocks[T any](l *loader, shared string, names Names, create func(name string) *T) []T {
	if len(names) == 0 {
		spec := create("")
		l.fill(newBlock(shared, ""), spec)
		return []T{*spec}
	}
	for _, v := range gather(shared, create("")) {
		l.know(v.name, "the setting for all names")
	}
	specs := make([]T, 0, len(names))
	for _, name := range names {
		spec := create(name)
		l.fill(newBlock(shared, name), spec)
		specs = append(specs, *spec)
	}
	return specs
}

// know registers a variable; two owners of one name would make it mean two things.
func (l *loader) know(name, owner string) {
	if other, taken := l.known[name]; taken {
		l.refuse(setting{name: name}, "", fmt.Sprintf("expected names that keep settings apart: %s is %s and %s", name, other, owner))
		return
	}
	l.known[name] = owner
}

// fill sets every field of a spec from its setting or its default.
func (l *loader) fill(b block, spec any) {
	own := b.levels[0]
	variables := gather(own, spec)
	rivals := exclusions(own, variables)
	for _, v := range variables {
		owner := "a setting without a name"
		if b.named != "" {
			owner = fmt.Sprintf("a setting of %q", b.named)
		}
		l.know(v.name, owner)
		suffix := strings.TrimPrefix(v.name, own+"_")
		l.assign(v, l.find(b, suffix, v.tags, rivals[suffix]))
	}
	for _, level := range b.levels {
		l.refuseRivals(level, rivals)
	}
}

// exclusions maps each suffix to those that cannot be set with it, in both directions.
func exclusions(own string, variables []variable) map[string][]string {
	rivals := map[string][]string{}
	for _, v := range variables {
		suffix := strings.TrimPrefix(v.name, own+"_")
		for other := range strings.FieldsSeq(v.tags.Get("excludes")) {
			rivals[suffix] = append(rivals[suffix], other)
			rivals[other] = append(rivals[other], suffix)
		}
	}
	return rivals
}

// find looks a variable up through the block's levels. A block that sets a rival of the
// variable itself does not inherit it: its own API key beats a shared login.
func (l *loader) find(b block, suffix string, tags reflect.StructTag, rivals []string) setting {
	for i, level := range b.levels {
		name := level + "_" + suffix
		if s, found := l.settings[name]; found {
			if i > 0 && tags.Get("own") != "" {
				l.refuse(s, s.value, fmt.Sprintf("expected %s_%s: with several names each has its own", b.levels[0], suffix))
			}
			return s
		}
		if slices.ContainsFunc(rivals, func(rival string) bool { return l.settings[level+"_"+rival].value != "" }) {
			break
		}
	}
	return setting{name: b.levels[0] + "_" + suffix}
}

func (l *loader) refuseRivals(level string, rivals map[string][]string) {
	for _, suffix := range slices.Sorted(maps.Keys(rivals)) {
		s := l.settings[level+"_"+suffix]
		if s.value == "" {
			continue
		}
		for _, rival := range slices.Sorted(slices.Values(rivals[suffix])) {
			if rival > suffix && l.settings[level+"_"+rival].value != "" {
				l.refuse(s, "", fmt.Sprintf("expected this setting or %s_%s, but both are set", level, rival))
			}
		}
	}
}

// assign parses one setting into its field. A variable that is set but empty has its
// default, unless empty is a value of its own.
func (l *loader) assign(v variable, s setting) {
	text := s.value
	if text == "" {
		_, present := l.settings[s.name]
		if present && v.tags.Get("empty") != "" {
			return
		}
		text = v.tags.Get("default")
	}
	if text == "" {
		return
	}
	switch field := v.field.Addr().Interface().(type) {
	case *File:
		l.assignFile(field, s, v.tags)
	case encoding.TextUnmarshaler:
		if err := field.UnmarshalText([]byte(text)); err != nil {
			l.refuse(s, show(v, text), err.Error()+between(v.tags))
			return
		}
		l.refuseRange(v, s)
	case *string:
		*field = text
		l.refuseUnlisted(v, s)
	}
}

func (l *loader) assignFile(field *File, s setting, tags reflect.StructTag) {
	path, info, err := findFile(s.value, l.credentials)
	if tags.Get("secret") != "" && err != nil && !filepath.IsAbs(s.value) {
		l.refuse(s, redacted, "expected the path of a file with the secret, not the secret itself, or the name of a credential")
		return
	}
	if err != nil {
		l.refuse(s, s.value, "cannot read the file: "+err.Error())
		return
	}
	*field = path
	if tags.Get("secret") == "" {
		return
	}
	if _, err := ReadSecret(path); err != nil {
		l.refuse(s, s.value, "cannot read the file: "+err.Error())
	}
	if info.Mode().Perm()&0o007 != 0 {
		l.warn("%s: %s can be read by every user on this host (mode %04o); chmod o-rwx %s", s.name, path, info.Mode().Perm(), path)
	}
}

// between says a numeric field's bounds, and the reason for them where one is given.
func between(tags reflect.StructTag) string {
	low, high := tags.Get("min"), tags.Get("max")
	why := ""
	if tags.Get("why") != "" {
		why = ": " + tags.Get("why")
	}
	switch {
	case low != "" && high != "":
		return ", between " + low + " and " + high + why
	case low != "":
		return ", at least " + low
	case high != "":
		return ", at most " + high
	}
	return ""
}

type amount interface {
	encoding.TextUnmarshaler
	amount() int64
}

func (l *loader) refuseRange(v variable, s setting) {
	value, ok := v.field.Addr().Interface().(amount)
	if !ok {
		return
	}
	bound := func(tag string) (int64, bool) {
		text := v.tags.Get(tag)
		if text == "" {
			return 0, false
		}
		limit := reflect.New(v.field.Type()).Interface().(amount)
		if err := limit.UnmarshalText([]byte(text)); err != nil {
			panic(fmt.Sprintf("%s: tag %s: %v", v.name, tag, err))
		}
		return limit.amount(), true
	}
	low, hasLow := bound("min")
	high, hasHigh := bound("max")
	if hasLow && value.amount() < low || hasHigh && value.amount() > high {
		l.refuse(s, s.value, "expected a value"+strings.TrimPrefix(between(v.tags), ","))
	}
}

func (l *loader) refuseUnlisted(v variable, s setting) {
	list := v.tags.Get("oneof")
	if list == "" || slices.Contains(strings.Fields(list), v.field.String()) {
		return
	}
	l.refuse(s, s.value, "expected "+strings.Join(strings.Fields(list), " or "))
}
