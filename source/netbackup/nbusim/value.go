package nbusim

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// kind is the type of an attribute, as the documents' tables of filters name it.
type kind uint8

const (
	text kind = iota
	integer
	float
	date     // value.n is milliseconds since the epoch
	duration // value.n is seconds
	boolean  // value.n is 0 or 1
)

// value is what an attribute of one object has, or a literal of a filter.
type value struct {
	kind kind
	n    int64
	f    float64
	s    string
}

func number(n int64) value    { return value{kind: integer, n: n} }
func str(s string) value      { return value{kind: text, s: s} }
func ratio(f float64) value   { return value{kind: float, f: f} }
func instant(ms int64) value  { return value{kind: date, n: ms} }
func seconds(sec int64) value { return value{kind: duration, n: sec} }
func flag(b bool) value {
	if b {
		return value{kind: boolean, n: 1}
	}
	return value{kind: boolean}
}

// compare orders two values of the same kind.
func (v value) compare(w value) int {
	switch v.kind {
	case text:
		return strings.Compare(v.s, w.s)
	case float:
		return cmp.Compare(v.f, w.f)
	}
	return cmp.Compare(v.n, w.n)
}

// literal reads a token of a filter as a value of the attribute's kind.
func (k kind) literal(t token) (value, error) {
	if k == text {
		if t.kind != quoted {
			return value{}, fmt.Errorf("%q is not a string in single quotes", t.text)
		}
		return str(t.text), nil
	}
	if k == duration {
		return durationLiteral(t)
	}
	if t.kind != word {
		return value{}, fmt.Errorf("'%s' is a string where %s is expected", t.text, k)
	}
	switch k {
	case integer:
		n, err := strconv.ParseInt(t.text, 10, 64)
		return number(n), err
	case float:
		f, err := strconv.ParseFloat(t.text, 64)
		return ratio(f), err
	case boolean:
		b, err := strconv.ParseBool(t.text)
		return flag(b), err
	}
	at, err := time.Parse(time.RFC3339, t.text)
	return instant(at.UnixMilli()), err
}

func (k kind) String() string {
	return [...]string{"a string", "an integer", "a number", "a date", "a duration", "true or false"}[k]
}

// durationLiteral reads PT1H2M3S, quoted, bare or in OData's form duration'PT1H2M3S'.
func durationLiteral(t token) (value, error) {
	s, ok := strings.CutPrefix(t.text, "PT")
	if !ok {
		return value{}, fmt.Errorf("%q is not an ISO 8601 duration", t.text)
	}
	d, err := time.ParseDuration(strings.ToLower(s))
	if err != nil {
		return value{}, fmt.Errorf("%q is not an ISO 8601 duration", t.text)
	}
	return seconds(int64(d / time.Second)), nil
}

// isoDuration writes seconds as the documents do: PT5M46S.
func isoDuration(b []byte, sec int64) []byte {
	b = append(b, 'P', 'T')
	if h := sec / 3600; h > 0 {
		b = append(strconv.AppendInt(b, h, 10), 'H')
	}
	if m := sec / 60 % 60; m > 0 {
		b = append(strconv.AppendInt(b, m, 10), 'M')
	}
	if s := sec % 60; s > 0 || sec == 0 {
		b = append(strconv.AppendInt(b, s, 10), 'S')
	}
	return b
}

// clockDuration writes seconds as old releases do: 00:05:46.
func clockDuration(b []byte, sec int64) []byte {
	return fmt.Appendf(b, "%02d:%02d:%02d", sec/3600, sec/60%60, sec%60)
}
