package nbusim

import (
	"fmt"
	"slices"
	"strings"
)

// A filter is an OData expression. The grammar that the documents describe:
//
//	any        = all { "or" all }
//	all        = one { "and" one }
//	one        = "not" one | "(" any ")" | comparison | call
//	comparison = subject ( "eq" | "ne" | "lt" | "gt" | "le" | "ge" ) literal
//	call       = ( "contains" | "startswith" | "endswith" ) "(" subject "," literal ")"
//	subject    = attribute | ( "tolower" | "toupper" ) "(" attribute ")"
//
// Which operators an attribute takes is in its column.

type tokenKind uint8

const (
	word tokenKind = iota
	quoted
	mark // ( ) ,
	end
)

type token struct {
	kind tokenKind
	text string
}

// tokens cuts a filter. A character that OData does not know is refused; '%' is one, so
// that a filter which was encoded twice is.
func tokens(filter string) ([]token, error) {
	var out []token
	for rest := strings.TrimLeft(filter, " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
		t, n, err := nextToken(rest)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		rest = rest[n:]
	}
	return append(out, token{kind: end}), nil
}

func nextToken(s string) (token, int, error) {
	switch c := s[0]; {
	case strings.IndexByte("(),", c) >= 0:
		return token{mark, s[:1]}, 1, nil
	case c == '\'':
		return quotedToken(s)
	case wordByte(c):
		n := 1
		for n < len(s) && wordByte(s[n]) {
			n++
		}
		return token{word, s[:n]}, n, nil
	}
	return token{}, 0, fmt.Errorf("unexpected %q", s[:1])
}

// quotedToken reads a string; a quote inside is written twice.
func quotedToken(s string) (token, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 == len(s) || s[i+1] != '\'' {
			return token{quoted, b.String()}, i + 1, nil
		}
		b.WriteByte('\'')
		i++
	}
	return token{}, 0, fmt.Errorf("the string %s is not closed", s)
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("_-+.:/", c) >= 0
}

// expression is a parsed filter.
type expression struct {
	operator string // "and", "or", "not", or that of a comparison or call
	left     *expression
	right    *expression // nil for "not"

	attribute string
	fold      string // "tolower", "toupper" or empty
	literal   token
}

type parser struct{ rest []token }

// parseFilter gives nil for an empty filter.
func parseFilter(filter string) (*expression, error) {
	ts, err := tokens(filter)
	if err != nil || len(ts) == 1 {
		return nil, err
	}
	p := &parser{ts}
	e, err := p.chain("or", func() (*expression, error) { return p.chain("and", p.one) })
	if err != nil {
		return nil, err
	}
	if t := p.rest[0]; t.kind != end {
		return nil, fmt.Errorf("%q is left over", t.text)
	}
	return e, nil
}

func (p *parser) take() token {
	t := p.rest[0]
	if t.kind != end {
		p.rest = p.rest[1:]
	}
	return t
}

func (p *parser) accept(text string) bool {
	if t := p.rest[0]; t.kind == quoted || t.text != text || t.kind == end {
		return false
	}
	p.take()
	return true
}

func (p *parser) expect(text string) error {
	if !p.accept(text) {
		return fmt.Errorf("%q is expected before %q", text, p.rest[0].text)
	}
	return nil
}

// chain reads operands joined by one operator, from the left.
func (p *parser) chain(operator string, operand func() (*expression, error)) (*expression, error) {
	e, err := operand()
	for err == nil && p.accept(operator) {
		joined := &expression{operator: operator, left: e}
		joined.right, err = operand()
		e = joined
	}
	return e, err
}

func (p *parser) one() (*expression, error) {
	if p.accept("not") {
		inner, err := p.one()
		return &expression{operator: "not", left: inner}, err
	}
	if p.accept("(") {
		e, err := p.chain("or", func() (*expression, error) { return p.chain("and", p.one) })
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	}
	t := p.rest[0]
	if t.kind == word && slices.Contains([]string{"contains", "startswith", "endswith"}, t.text) {
		return p.call()
	}
	e, err := p.subject()
	if err != nil {
		return nil, err
	}
	e.operator = p.take().text
	if !slices.Contains([]string{"eq", "ne", "lt", "gt", "le", "ge"}, e.operator) {
		return nil, fmt.Errorf("%q is not an operator", e.operator)
	}
	e.literal, err = p.literal()
	return e, err
}

func (p *parser) call() (*expression, error) {
	operator := p.take().text
	if err := p.expect("("); err != nil {
		return nil, err
	}
	e, err := p.subject()
	if err != nil {
		return nil, err
	}
	e.operator = operator
	if err := p.expect(","); err != nil {
		return nil, err
	}
	if e.literal, err = p.literal(); err != nil {
		return nil, err
	}
	return e, p.expect(")")
}

func (p *parser) subject() (*expression, error) {
	t := p.take()
	if t.kind != word {
		return nil, fmt.Errorf("%q is not an attribute", t.text)
	}
	if t.text != "tolower" && t.text != "toupper" {
		return &expression{attribute: t.text}, nil
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	name := p.take()
	if name.kind != word {
		return nil, fmt.Errorf("%q is not an attribute", name.text)
	}
	return &expression{attribute: name.text, fold: t.text}, p.expect(")")
}

func (p *parser) literal() (token, error) {
	t := p.take()
	if t.kind == word && t.text == "duration" && p.rest[0].kind == quoted {
		t = p.take()
	}
	if t.kind != word && t.kind != quoted {
		return t, fmt.Errorf("a value is expected before %q", t.text)
	}
	return t, nil
}
