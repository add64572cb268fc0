package secret

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// layer is a text as it reads once something is taken off it, and which bytes of the first text each of its bytes stands for.
type layer struct {
	text  []byte
	spans []span
}

// span is bytes of a text, from one on and before another.
type span struct{ from, to int }

// depth is how often escapes are taken off: what a proxy writes of a server's words is escaped twice.
const depth = 3

// layersOf are a text as it is, and without its escapes as long as there are any; each of them also without what breaks lines
// and separates bytes.
func layersOf(text string) []layer {
	plain := layer{[]byte(text), make([]span, len(text))}
	for i := range plain.spans {
		plain.spans[i] = span{i, i + 1}
	}
	layers := []layer{plain, plain.joined()}
	for range depth {
		next := plain.unescaped()
		if len(next.text) == len(plain.text) {
			break
		}
		layers = append(layers, next, next.joined())
		plain = next
	}
	return layers
}

// escape is one that a server may write for a byte or a character: of a URL, of JSON, C or Go, of HTML and XML, of quoted-printable.
var escape = regexp.MustCompile(`(?i)^(?:%[0-9a-f]{2}|%u[0-9a-f]{4}|=[0-9a-f]{2}|=\r?\n|&#[0-9]{1,8};?|&#x[0-9a-f]{1,7};?|&[a-z]{2,8};` +
	`|\\u[0-9a-f]{4}|\\u\{[0-9a-f]{1,6}\}|\\x[0-9a-f]{2}|\\[0-7]{3}|\\[^a-z0-9])`)

// cut is an escape that ends with the text.
var cut = regexp.MustCompile(`(?i)(?:[%=][0-9a-f]?|%u[0-9a-f]{0,3}|&#?x?[0-9a-z]{0,7}|\\(?:u\{?[0-9a-f]{0,5}|x[0-9a-f]?|[0-7]{0,2})?)$`)

func cutEnd(text string) string { return cut.FindString(text[max(0, len(text)-16):]) }

func (l layer) unescaped() layer {
	out := layer{make([]byte, 0, len(l.text)), make([]span, 0, len(l.text))}
	for i := 0; i < len(l.text); {
		n := 0
		if strings.IndexByte(`%=&\`, l.text[i]) >= 0 {
			n = len(escape.Find(l.text[i:min(len(l.text), i+12)]))
		}
		if n == 0 {
			out.text, out.spans = append(out.text, l.text[i]), append(out.spans, l.spans[i])
			i++
			continue
		}
		for _, c := range meant(string(l.text[i : i+n])) {
			out.text = append(out.text, c)
			out.spans = append(out.spans, span{l.spans[i].from, l.spans[i+n-1].to})
		}
		i += n
	}
	return out
}

// meant is what an escape stands for.
func meant(escape string) []byte {
	lower := strings.ToLower(escape)
	switch {
	case strings.HasPrefix(lower, "&"):
		return []byte(html.UnescapeString(strings.TrimSuffix(lower, ";") + ";"))
	case strings.HasPrefix(lower, `\u`), strings.HasPrefix(lower, "%u"):
		n, _ := strconv.ParseUint(strings.Trim(lower[2:], "{}"), 16, 32) // the expression has seen to it
		if utf16.IsSurrogate(rune(n)) {
			n = utf8.RuneError
		}
		return utf8.AppendRune(nil, rune(n))
	case lower[0] == '=' && len(strings.TrimSpace(lower)) == 1: // a line that goes on
		return nil
	case lower[0] == '%' || lower[0] == '=' || strings.HasPrefix(lower, `\x`):
		n, _ := strconv.ParseUint(strings.TrimLeft(lower, `%=\x`), 16, 8)
		return []byte{byte(n)}
	case len(lower) == 4:
		n, _ := strconv.ParseUint(lower[1:], 8, 16)
		return []byte{byte(n)}
	}
	return []byte(escape[1:])
}

// joined is the layer without what lines, columns and dumps are broken by.
func (l layer) joined() layer {
	out := layer{make([]byte, 0, len(l.text)), make([]span, 0, len(l.text))}
	for i, c := range l.text {
		if strings.IndexByte(" \t\r\n:-,+", c) < 0 {
			out.text, out.spans = append(out.text, c), append(out.spans, l.spans[i])
		}
	}
	return out
}

// lower is the layer in small letters of ASCII.
func (l layer) lower() string {
	b := make([]byte, len(l.text))
	for i, c := range l.text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b[i] = c
	}
	return string(b)
}

// find marks which bytes of the first text a form stands in.
func (l layer) find(text, form string, marked []bool) {
	for at := 0; ; {
		i := strings.Index(text[at:], form)
		if i < 0 {
			return
		}
		first, last := l.spans[at+i], l.spans[at+i+len(form)-1]
		for n := first.from; n < last.to; n++ {
			marked[n] = true
		}
		at += i + len(form)
	}
}

// begins says from which byte of the first text on the layer's end is the beginning of a form; -1 where it is not.
func (l layer) begins(text string, forms []string) int {
	for _, end := range []int{len(text), len(text) - len(cutEnd(text))} {
		for _, form := range forms {
			for n := min(len(form)-1, end); n >= Least; n-- {
				if strings.HasSuffix(text[:end], form[:n]) {
					return l.spans[end-n].from
				}
			}
		}
	}
	return -1
}
