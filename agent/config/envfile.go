package config

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"backwire/source/regular"
)

// Assignment is one variable of an env file.
type Assignment struct {
	Name, Value string
	Origin      string // "file:line"

	file string      // that it is in
	mode fs.FileMode // of the file
	odd  string      // what looks like a mistake and is allowed, for a person; empty where nothing does
}

// maxTextFile bounds what is read of an env file or a web configuration, in bytes.
const maxTextFile = 1 << 20

// ReadEnvFile reads a file in the syntax of systemd's EnvironmentFile. Its quirks are kept:
// lines that begin with # or ; are comments, but a # after a value belongs to the value; a
// backslash at the end continues the line; 'single' quotes keep everything, "double" ones
// unescape \" \\ \` \$; blanks around key and value go; nothing is expanded; a variable that
// is set twice has its last value. What systemd drops with a log line (a line without =, a
// bad name, export) is an error here, because a dropped line is a setting that does not work.
// Errors name file and line and never show the line, which may hold a secret.
func ReadEnvFile(path string) ([]Assignment, error) {
	text, err := regular.Read(path, maxTextFile)
	if err != nil {
		return nil, fmt.Errorf("read the env file: %w", err)
	}
	assignments, err := parseEnvFile(path, string(text))
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the env file: %w", err)
	}
	for i := range assignments {
		assignments[i].file, assignments[i].mode = path, info.Mode().Perm()
	}
	return assignments, nil
}

const (
	newlines    = "\n\r"
	blanks      = " \t\n\r"
	escapable   = "\"\\`$" // what a backslash unescapes in double quotes
	commentMark = "#;"

	byteOrderMark = "\ufeff"
)

// What systemd allows, and people rarely mean.
const (
	hashInValue    = `holds " #": a comment needs a line of its own, and here it is part of the value`
	lostBackslash  = `has lost a backslash: put the value in single quotes to keep it`
	curlyQuotation = `begins with a curly quote, which is part of the value: use " or '`
)

// envParser walks the text byte by byte, as systemd's own reader does; each state takes
// one byte and names the next state.
type envParser struct {
	path  string
	line  int
	key   strings.Builder
	value strings.Builder

	keyLine     int // where the current key began
	quoteLine   int // where the open quote began
	valueLength int // the value without its trailing blanks, which quotes protect

	previous byte
	odd      string // what looks like a mistake in the value

	assignments []Assignment
	err         error
}

type envState func(p *envParser, c byte) envState

func parseEnvFile(path, text string) ([]Assignment, error) {
	p := &envParser{path: path, line: 1}
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("%s: not UTF-8 text; save it as UTF-8", path)
	}
	if strings.HasPrefix(text, byteOrderMark) {
		return nil, fmt.Errorf("%s: begins with a byte order mark, which systemd takes for a part of the first name; save it as UTF-8 without one", path)
	}
	text += "\n\n" // the last line may have no line end, even after a backslash
	state := envState((*envParser).beforeKey)
	for i := 0; i < len(text) && p.err == nil; i++ {
		state = p.step(state, text[i])
	}
	if p.err == nil && p.quoteLine > 0 {
		p.fail(p.quoteLine, "the quote that starts here is not closed")
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.assignments, nil
}

func (p *envParser) step(state envState, c byte) envState {
	if c == 0 {
		p.fail(p.line, "contains a zero byte")
		return state
	}
	next := state(p, c)
	p.previous = c
	if c == '\n' {
		p.line++
	}
	return next
}

func (p *envParser) fail(line int, reason string) {
	if p.err == nil {
		p.err = fmt.Errorf("%s:%d: %s", p.path, line, reason)
	}
}

func (p *envParser) beforeKey(c byte) envState {
	if in(c, commentMark) {
		return (*envParser).comment
	}
	if in(c, blanks) {
		return (*envParser).beforeKey
	}
	p.keyLine = p.line
	p.key.WriteByte(c)
	return (*envParser).inKey
}

func (p *envParser) inKey(c byte) envState {
	if in(c, newlines) {
		p.fail(p.keyLine, "expected NAME=value, found no =")
	}
	if c == '=' {
		return (*envParser).beforeValue
	}
	p.key.WriteByte(c)
	return (*envParser).inKey
}

// beforeValue is also the state after a closing quote, where systemd skips blanks again.
func (p *envParser) beforeValue(c byte) envState {
	switch {
	case in(c, newlines):
		return p.assign()
	case c == '\'':
		p.quoteLine = p.line
		return (*envParser).singleQuoted
	case c == '"':
		p.quoteLine = p.line
		return (*envParser).doubleQuoted
	case c == '\\':
		return (*envParser).escaped
	case in(c, blanks):
		return (*envParser).beforeValue
	}
	p.noteHash(c)
	p.take(c)
	return (*envParser).inValue
}

func (p *envParser) inValue(c byte) envState {
	switch {
	case in(c, newlines):
		return p.assign()
	case c == '\\':
		p.valueLength = p.value.Len()
		return (*envParser).escaped
	case in(c, blanks):
		p.value.WriteByte(c)
	default:
		p.noteHash(c)
		p.take(c)
	}
	return (*envParser).inValue
}

// noteHash notes what looks like a comment behind a value.
func (p *envParser) noteHash(c byte) {
	if c == '#' && in(p.previous, blanks) {
		p.odd = hashInValue
	}
}

func (p *envParser) escaped(c byte) envState {
	if !in(c, newlines) {
		if !in(c, escapable+blanks+commentMark) {
			p.odd = lostBackslash
		}
		p.take(c)
	}
	return (*envParser).inValue
}

func (p *envParser) singleQuoted(c byte) envState {
	if c == '\'' {
		p.quoteLine = 0
		return (*envParser).beforeValue
	}
	p.take(c)
	return (*envParser).singleQuoted
}

func (p *envParser) doubleQuoted(c byte) envState {
	switch c {
	case '"':
		p.quoteLine = 0
		return (*envParser).beforeValue
	case '\\':
		return (*envParser).doubleQuotedEscape
	}
	p.take(c)
	return (*envParser).doubleQuoted
}

func (p *envParser) doubleQuotedEscape(c byte) envState {
	switch {
	case in(c, escapable):
		p.take(c)
	case c != '\n':
		p.take('\\')
		p.take(c)
	}
	return (*envParser).doubleQuoted
}

func (p *envParser) comment(c byte) envState {
	if in(c, newlines) {
		return (*envParser).beforeKey
	}
	return (*envParser).comment
}

// take adds a byte that trailing-blank removal must keep.
func (p *envParser) take(c byte) {
	p.value.WriteByte(c)
	p.valueLength = p.value.Len()
}

func (p *envParser) assign() envState {
	name := strings.TrimRight(p.key.String(), blanks)
	switch {
	case strings.HasPrefix(name, "export ") || strings.HasPrefix(name, "export\t"):
		p.fail(p.keyLine, "export is shell syntax; expected NAME=value")
	case !validName(name):
		p.fail(p.keyLine, "expected NAME=value with a name of letters, digits and _")
	}
	value := p.value.String()[:p.valueLength]
	if r, _ := utf8.DecodeRuneInString(value); strings.ContainsRune("“”„‘’‚", r) {
		p.odd = curlyQuotation
	}
	p.assignments = append(p.assignments, Assignment{
		Name: name, Value: value, Origin: fmt.Sprintf("%s:%d", p.path, p.keyLine), odd: p.odd,
	})
	p.key.Reset()
	p.value.Reset()
	p.valueLength, p.odd = 0, ""
	return (*envParser).beforeKey
}

func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c == '_' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func in(c byte, set string) bool { return strings.IndexByte(set, c) >= 0 }
