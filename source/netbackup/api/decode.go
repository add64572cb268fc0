package api

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Optional is a value that the server may not have given.
type Optional[T any] struct {
	Value T
	Given bool
}

// String is the value as a label has it, empty where it was not given.
func (o Optional[T]) String() string {
	if !o.Given {
		return ""
	}
	return fmt.Sprint(o.Value)
}

// keep uses the earlier value if the row has none.
func keep[T comparable](now *T, before T) {
	var nothing T
	if *now == nothing {
		*now = before
	}
}

func some[T any](v T) Optional[T] { return Optional[T]{Value: v, Given: true} }

// decoder reads answers one by one, value by value, and keeps a page only as bytes. An unreadable value loses its
// field and is counted. Only a body that is not JSON is an error.
type decoder struct {
	json     jsontext.Decoder
	body     bytes.Buffer // backs json
	words    words
	problems *Problems
	limited  *atomic.Uint64 // the client's
	noun     string
	under    string // member of an answer that holds the rows of a list; empty is "data"
	field    []byte // the member's name that is being read
	valued   bool   // the last scalar had a value that could be read
	odd      bool   // it had one that could not
	id       []byte // of the row that is being read, empty where it gave none
	lost     int    // rows that could not be read since the decoder was borrowed

	elementsRead int  // of the page's data
	described    bool // the row that is being read has attributes, even if none of them is known
	scratch      []byte
	err          error // the first syntax error: nothing is read after it
}

func (c *Client) borrowDecoder(noun string) *decoder {
	d, ok := c.decoders.Get().(*decoder)
	if !ok {
		d = &decoder{words: words{}, problems: c.problems, limited: &c.limited}
	}
	d.noun, d.under, d.lost = noun, "", 0
	return d
}

func (c *Client) returnDecoder(d *decoder) {
	d.reset(nil)
	c.decoders.Put(d)
}

func (d *decoder) reset(body []byte) {
	d.body = *bytes.NewBuffer(body)
	d.json.Reset(&d.body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if len(d.field) > textLimit || cap(d.scratch) > firstBytes {
		d.field, d.scratch = nil, nil // they would be kept
	}
	d.field, d.err = d.field[:0], nil
}

// page reads {"data": […], "meta": {"pagination": …}}, or another member than data, and calls row at the beginning of
// each element of data that is an object, until row says that it is enough.
func (d *decoder) page(body []byte, row func() bool) (pagination, error) {
	d.reset(body)
	d.elementsRead = 0
	var p pagination
	list, null := false, false
	for name := range d.members() {
		switch string(name) {
		case cmp.Or(d.under, "data"):
			null = d.json.PeekKind() == 'n'
			list = d.list()
			if !d.rows(row) {
				return p, nil
			}
		case "meta":
			p = d.meta()
		default:
			d.skip()
		}
	}
	if d.err == nil && !list {
		d.err = fmt.Errorf("no %q", cmp.Or(d.under, "data"))
	}
	p.noList = null
	return p, d.failure()
}

// document reads {"data": {"attributes": …}} and calls attributes where these begin.
func (d *decoder) document(body []byte, attributes func()) error {
	d.reset(body)
	found := false
	for name := range d.members() {
		if string(name) != "data" {
			d.skip()
			continue
		}
		for name := range d.members() {
			if string(name) != "attributes" {
				d.skip()
				continue
			}
			found = true
			attributes()
		}
	}
	if d.err == nil && !found {
		d.err = errors.New(`no "data" with "attributes"`)
	}
	return d.failure()
}

// list refuses what is neither a list nor null: its rows would be missed in silence.
func (d *decoder) list() bool {
	if kind := d.json.PeekKind(); d.err == nil && kind != '[' && kind != 'n' && kind != 0 {
		d.err = errors.New(`"data" is not a list`)
	}
	return d.err == nil
}

// rows calls row for each element that is an object, and says false if row had enough.
func (d *decoder) rows(row func() bool) bool {
	for range d.elements() {
		d.elementsRead++
		if kind := d.json.PeekKind(); kind != '{' {
			if v := d.raw(); d.err == nil {
				d.lostRow(v)
			}
			continue
		}
		if !row() {
			return false
		}
	}
	return true
}

func (d *decoder) meta() (p pagination) {
	for name := range d.members() {
		if string(name) != "pagination" {
			d.skip()
			continue
		}
		for name := range d.members() {
			switch string(name) {
			case "next":
				p.next = d.cursor()
			case "last":
				p.last = d.integer()
			case "count":
				p.count = d.integer()
			case "hasNext": // documented for a list of one service (storage.yaml of 10.3 to 11.0)
				p.more = d.boolean().Value
			default:
				d.skip()
			}
		}
	}
	return p
}

// failure names what was wrong with the body.
func (d *decoder) failure() error {
	switch {
	case d.err == nil:
		return nil
	case errors.Is(d.err, io.ErrUnexpectedEOF):
		return fmt.Errorf("truncated after %d bytes", d.json.InputOffset())
	}
	if _, ok := errors.AsType[*jsontext.SyntacticError](d.err); ok {
		return fmt.Errorf("not JSON: %w", d.err)
	}
	return d.err
}

// members yields the names of the object that comes next; whoever ranges over it reads or
// skips each value. Anything but an object is a problem of the field, null excepted.
func (d *decoder) members() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !d.enter('{') {
			return
		}
		for d.more('}') {
			name := d.raw()
			if d.err != nil {
				return
			}
			d.field = append(d.field[:0], d.unquote(name)...)
			if !yield(d.field) {
				return
			}
		}
	}
}

// attributes yields what members yields, for the attributes of a row of which only its id is read beside them.
func (d *decoder) attributes() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for name := range d.members() {
			if string(name) == "id" {
				d.identify()
				continue
			}
			if string(name) != "attributes" {
				d.skip()
				continue
			}
			d.described = d.json.PeekKind() == '{'
			for name := range d.members() {
				if !yield(name) {
					return
				}
			}
		}
	}
}

// elements yields once for each element of the array that comes next.
func (d *decoder) elements() iter.Seq[struct{}] {
	return func(yield func(struct{}) bool) {
		if !d.enter('[') {
			return
		}
		for d.more(']') {
			if !yield(struct{}{}) {
				return
			}
		}
	}
}

// enter opens an object or an array, and skips what is neither.
func (d *decoder) enter(open jsontext.Kind) bool {
	if d.err != nil {
		return false
	}
	if d.json.PeekKind() != open {
		if v := d.raw(); d.err == nil && v.Kind() != 'n' {
			d.problem(v)
		}
		return false
	}
	_, d.err = d.json.ReadToken()
	return d.err == nil
}

// more says whether another value comes, and closes the object or array if none does.
func (d *decoder) more(end jsontext.Kind) bool {
	if d.err != nil {
		return false
	}
	if d.json.PeekKind() != end {
		return true
	}
	_, d.err = d.json.ReadToken()
	return false
}

// raw is the next value as it stands, valid until the next call.
func (d *decoder) raw() jsontext.Value {
	if d.err != nil {
		return nil
	}
	var v jsontext.Value
	if v, d.err = d.json.ReadValue(); errors.Is(d.err, io.EOF) {
		d.err = io.ErrUnexpectedEOF
	}
	return v
}

func (d *decoder) skip() {
	if d.err != nil {
		return
	}
	d.err = d.json.SkipValue()
}

// scalar is what stands between the quotes of a string, or a number as it is written, or
// true or false. A null and an empty string are nil. Objects and arrays are a problem.
func (d *decoder) scalar() []byte {
	v := d.raw()
	d.valued, d.odd = true, false
	switch v.Kind() {
	case '"':
		return d.unquote(v)
	case '0', 't', 'f':
		return v
	case '{', '[':
		d.valued = false
		d.problem(v)
	default:
		d.valued = false
	}
	return nil
}

func (d *decoder) unquote(v jsontext.Value) []byte {
	plain := v[1 : len(v)-1]
	if bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return plain
	}
	d.scratch, _ = jsontext.AppendUnquote(d.scratch[:0], v) // the decoder has read it already
	return d.scratch
}

// text reads a string; a number is taken as it is written. What is longer than any name is cut.
func (d *decoder) text() string {
	b := d.scalar()
	if len(b) > textLimit {
		d.problem(b)
		d.limited.Add(1)
		return cut(string(b[:textLimit+1]), textLimit)
	}
	return d.words.word(b)
}

// cursor reads a text that goes back to the server as it is.
func (d *decoder) cursor() string {
	b := d.scalar()
	if len(b) > cursorLimit {
		d.refuse("a cursor", cursorLimit, "bytes")
		return ""
	}
	return string(b)
}

// identify reads the row's id, by which it is known again where it comes twice.
func (d *decoder) identify() string {
	d.id = append(d.id[:0], d.scalar()...)
	return string(d.id)
}

// word reads one of a few documented words, which are in capitals however a server spells them.
func (d *decoder) word() string {
	b := bytes.TrimSpace(d.scalar())
	if bytes.ContainsFunc(b, func(r rune) bool { return r != unicode.ToUpper(r) }) {
		b = bytes.ToUpper(b)
	}
	return d.words.word(b)
}

// wordOf reads one member of an object that stands where a word could: {"name": "OFFLINE", …}.
func (d *decoder) wordOf(member string) (word string) {
	for name := range d.members() {
		if string(name) == member {
			word = d.word()
		} else {
			d.skip()
		}
	}
	return word
}

// integer reads a whole number, also out of a string or a float, whose fraction is cut.
func (d *decoder) integer() Optional[int64] {
	b := bytes.TrimSpace(d.scalar())
	if len(b) == 0 {
		d.valued = false
		return Optional[int64]{}
	}
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return some(n)
	}
	const beyond = 1 << 63
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !(f > -beyond && f < beyond) {
		d.problem(b)
		return Optional[int64]{}
	}
	return some(int64(f))
}

// number reads a number, also out of a string.
func (d *decoder) number() Optional[float64] {
	b := bytes.TrimSpace(d.scalar())
	if len(b) == 0 {
		d.valued = false
		return Optional[float64]{}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f-f != 0 { // not NaN and not infinite
		d.problem(b)
		return Optional[float64]{}
	}
	return some(f)
}

// boolean reads true and false, also as strings, 1 and 0.
func (d *decoder) boolean() Optional[bool] {
	switch b := bytes.TrimSpace(d.scalar()); string(b) {
	case "":
	case "true", "TRUE", "True", "1":
		return some(true)
	case "false", "FALSE", "False", "0":
		return some(false)
	default:
		d.problem(b)
	}
	return Optional[bool]{}
}

// instant reads a date. The server writes 1970-01-01T00:00:00.000Z where there is none; another one before 1990 cannot be, nor one of five digits.
func (d *decoder) instant() time.Time {
	b := bytes.TrimSpace(d.scalar())
	if len(b) == 0 {
		d.valued = false
		return time.Time{}
	}
	t, ok := parseInstant(b)
	if !ok {
		d.problem(b)
		return time.Time{}
	}
	if t.Unix() <= 0 {
		d.odd = t.Unix() < 0
		return time.Time{}
	}
	if t.Unix() < earliestTime/1000 || t.Unix() > latestDate {
		d.problem(b)
		return time.Time{}
	}
	return t.UTC()
}

// problem counts a value of the wrong type in the field being read.
func (d *decoder) problem(value []byte) {
	d.valued, d.odd = false, true
	d.problems.Add(d.noun, string(d.field), value)
}

// lostRow counts a row that is no object, or says too little to be used.
func (d *decoder) lostRow(value []byte) {
	d.lost++
	d.problems.Add(d.noun, "", value)
}

// memberText is one text of an object; empty where the object does not have it.
func memberText(d *decoder, member string) (text string) {
	for name := range d.members() {
		if string(name) == member {
			text = d.text()
		} else {
			d.skip()
		}
	}
	return text
}
