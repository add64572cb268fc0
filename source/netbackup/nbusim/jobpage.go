package nbusim

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
)

const (
	defaultLimit = 10
	maxJobLimit  = 100
)

// cursor is the place of a job in a sort order. A client sees it as an opaque string.
type cursor struct {
	Sort string  `json:"s"`
	Text string  `json:"t,omitempty"`
	Int  int64   `json:"n,omitempty"`
	Real float64 `json:"f,omitempty"`
	ID   int64   `json:"i"`
}

func (c cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil { // a ratio is never NaN
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s, order string) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(b, &c) != nil {
		return c, fmt.Errorf("%q is not a cursor", s)
	}
	if c.Sort != order {
		return c, errors.New("the cursor belongs to another sort order")
	}
	return c, nil
}

func (c cursor) value(k kind) value { return value{kind: k, s: c.Text, n: c.Int, f: c.Real} }

// jobQuery is the query of one request for a page of jobs.
type jobQuery struct {
	sort       string // as the cursors remember it
	by         *column[view]
	descending bool
	filter     *expression
	holds      func(*view) bool
	limit      int
	after      *cursor
	before     *cursor
}

// badQuery is a parameter that breaks the documents.
type badQuery struct {
	parameter string
	cause     error
}

// Error implements error.
func (e *badQuery) Error() string { return e.parameter + ": " + e.cause.Error() }

func (s *Server) jobQuery(q url.Values) (*jobQuery, *badQuery) {
	cs := s.columns
	o := &jobQuery{sort: q.Get("sort")}
	if o.sort == "" {
		o.sort = "-startTime"
	}
	var err error
	if o.by, o.descending, err = cs.sortKey(o.sort); err != nil {
		return nil, &badQuery{"sort", err}
	}
	if o.filter, err = parseFilter(q.Get("filter")); err != nil {
		return nil, &badQuery{"filter", err}
	}
	if o.holds, err = cs.bind(o.filter); err != nil {
		return nil, &badQuery{"filter", err}
	}
	if o.limit, err = numberIn(q, "page[limit]", defaultLimit, 0, maxJobLimit); err != nil {
		return nil, &badQuery{"page[limit]", err}
	}
	if o.after, err = o.cursorIn(q, "page[after]"); err != nil {
		return nil, &badQuery{"page[after]", err}
	}
	if o.before, err = o.cursorIn(q, "page[before]"); err != nil {
		return nil, &badQuery{"page[before]", err}
	}
	return o, nil
}

func (o *jobQuery) cursorIn(q url.Values, name string) (*cursor, error) {
	if !q.Has(name) {
		return nil, nil
	}
	c, err := parseCursor(q.Get(name), o.sort)
	return &c, err
}

// numberIn reads an integer parameter.
func numberIn(q url.Values, name string, standard, least, most int) (int, error) {
	if !q.Has(name) {
		return standard, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not an integer from %d to %d", q.Get(name), least, most)
	}
	return n, nil
}

// rank orders two jobs as the query sorts them.
func (o *jobQuery) rank(a, b *view) int {
	return o.rankAgainst(a, o.by.get(b), b.ID)
}

func (o *jobQuery) rankAgainst(a *view, v value, id int64) int {
	c := o.by.get(a).compare(v)
	if c == 0 {
		c = int(min(max(a.ID-id, -1), 1))
	}
	if o.descending {
		return -c
	}
	return c
}

// inside says whether a job lies between the query's cursors.
func (o *jobQuery) inside(v *view) bool {
	if c := o.after; c != nil && o.rankAgainst(v, c.value(o.by.kind), c.ID) <= 0 {
		return false
	}
	if c := o.before; c != nil && o.rankAgainst(v, c.value(o.by.kind), c.ID) >= 0 {
		return false
	}
	return true
}

func (o *jobQuery) cursorOf(v *view) cursor {
	at := o.by.get(v)
	return cursor{Sort: o.sort, Text: at.s, Int: at.n, Real: at.f, ID: v.ID}
}

// jobRows is a page: one row more than the limit is looked for, to know whether another page follows.
type jobRows struct {
	rows []view
	more bool
}

// rows finds the page. With page[before] alone it is the last rows before that cursor, else the first after page[after].
func (o *jobQuery) rows(b *jobBook, now int64) jobRows {
	backward := o.before != nil && o.after == nil
	var found []view
	if by := b.ordered(o.by.name); by != nil && !o.openOnly() {
		found = o.walk(by, now, backward)
	} else {
		found = o.choose(b, now, backward)
	}
	page := jobRows{rows: found}
	if len(found) > o.limit {
		page.rows, page.more = found[:o.limit], true
	}
	if backward {
		slices.Reverse(page.rows)
	}
	return page
}

// walk goes along an order from where the cursor or the filter's bounds begin.
func (o *jobQuery) walk(by *order, now int64, backward bool) []view {
	low, high := o.filter.bounds(by.name)
	first, last := by.from(low, math.MinInt64), len(by.jobs)
	if high < math.MaxInt64 {
		last = by.from(high+1, math.MinInt64)
	}
	jobs := o.within(by, by.jobs[first:max(first, last)])
	var found []view
	v := &view{now: now}
	for v.job = range span(jobs, o.descending != backward) {
		if v.shown() && o.inside(v) && o.holds(v) {
			if found = append(found, *v); len(found) > o.limit {
				break
			}
		}
	}
	return found
}

// within cuts the part of an order that lies on the wrong side of a cursor.
func (o *jobQuery) within(by *order, jobs []*job) []*job {
	part := order{key: by.key, jobs: jobs}
	from, to := o.after, o.before
	if o.descending {
		from, to = to, from
	}
	if to != nil {
		part.jobs = part.jobs[:part.from(to.Int, to.ID)]
	}
	if from != nil {
		part.jobs = part.jobs[part.from(from.Int, from.ID):]
	}
	return part.jobs
}

// choose keeps the best rows of all that match, where there is no order to go along.
func (o *jobQuery) choose(b *jobBook, now int64, backward bool) []view {
	jobs := b.ordered("jobId").jobs
	if o.openOnly() {
		jobs = b.open.jobs
	}
	rank := o.rank
	if backward {
		rank = func(a, b *view) int { return o.rank(b, a) }
	}
	var found []view
	v := &view{now: now}
	for _, v.job = range jobs {
		if !v.shown() || !o.holds(v) || !o.inside(v) {
			continue
		}
		i := sort.Search(len(found), func(i int) bool { return rank(&found[i], v) > 0 })
		if i <= o.limit {
			found = slices.Insert(found, i, *v)
			found = found[:min(len(found), o.limit+1)]
		}
	}
	return found
}

// openOnly says whether the filter asks for jobs that are not done, of which there are few.
func (o *jobQuery) openOnly() bool { return o.filter.impliesOpen() }

func (e *expression) impliesOpen() bool {
	switch {
	case e == nil:
		return false
	case e.operator == "and":
		return e.left.impliesOpen() || e.right.impliesOpen()
	case e.operator == "or":
		return e.left.impliesOpen() && e.right.impliesOpen()
	case e.attribute != "state":
		return false
	}
	return (e.operator == "ne") == (State(e.literal.text) == Done)
}

// bounds is the closed range that a filter leaves to a date or integer attribute.
func (e *expression) bounds(attribute string) (low, high int64) {
	low, high = math.MinInt64, math.MaxInt64
	switch {
	case e == nil:
		return low, high
	case e.operator == "and":
		low, high = e.left.bounds(attribute)
		l, h := e.right.bounds(attribute)
		return max(low, l), min(high, h)
	case e.attribute != attribute || e.operator == "ne":
		return low, high
	}
	k := date
	if attribute == "jobId" {
		k = integer
	}
	v, err := k.literal(e.literal)
	if err != nil {
		return low, high
	}
	if e.operator[0] != 'l' { // eq, ge, gt
		low = v.n
	}
	if e.operator[0] != 'g' { // eq, le, lt
		high = v.n
	}
	return low, high
}

func (s *Server) jobPage(x *exchange) reply {
	o, bad := s.jobQuery(x.request.URL.Query())
	if bad != nil {
		return x.refuse(bad.parameter, bad.cause)
	}
	return x.raw(http.StatusOK, s.renderJobPage(x, o))
}

func (s *Server) renderJobPage(x *exchange, o *jobQuery) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := x.now.UnixMilli()
	s.tick(now)
	var page jobRows
	if x.allowed {
		page = o.rows(s.jobs, now)
	}
	return s.jobWriter(len(page.rows)).page(x.request.URL.Query(), o, page)
}

func (s *Server) oneJob(x *exchange) reply {
	id, err := strconv.ParseInt(x.lastSegment(), 10, 64)
	if err != nil {
		return x.fail(http.StatusNotFound, "There is no such job.", nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := x.now.UnixMilli()
	s.tick(now)
	j := s.jobs.byID[id]
	if j == nil || !x.allowed || j.shownAt > now {
		return x.fail(http.StatusNotFound, "There is no such job.", nil)
	}
	w := s.jobWriter(1)
	w.b = append(w.b, `{"data":`...)
	w.job(&view{j, now}, "")
	w.b = append(w.b, '}')
	return x.raw(http.StatusOK, w.b)
}
