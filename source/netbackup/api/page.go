package api

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"maps"
	"net/url"
	"strconv"

	"backwire/source/guard"
)

// pagination is meta.pagination of either style.
type pagination struct {
	next        string // a cursor, or an offset in digits; empty where absent
	last, count Optional[int64]
	more        bool // hasNext says that there are more rows
	noList      bool // the page's data is null
}

// promises says that there are more rows than those that are known up to this page.
func (p pagination) promises(known int) bool {
	return p.next != "" || p.more || (p.count.Given && p.count.Value > int64(known))
}

// pager is one of the styles in which the server pages, for one listing.
type pager interface {
	// ask adds the parameters of the page to be read now.
	ask(q url.Values)
	// advance says whether there is a page after this one, which had so many rows.
	advance(p pagination, rows int) (bool, error)
}

// list is one resource that comes in pages.
type list struct {
	client *Client
	noun   string // names the resource in the counts of what could not be read
	path   string
	under  string // member of the answer that holds the rows; empty is "data"
	query  url.Values
	size   int // rows a page: the documented maximum, more answers 400; 0 where there are no pages
	limit  int // rows at most; 0 is all
	pager  func() pager

	emptyIs404 bool // the documents answer 404 where there are no rows
	lenient    bool // rows that cannot be read are the caller's matter, also where no row can
}

// listing is a list of rows of one type. How a list is walked is the same code for all of them, and rows that are pointers share what
// is left of it: a copy for each type would be a large part of the program.
type listing[T any] struct {
	list
	row func(*decoder) (T, bool)
}

// rows yields row after row, page after page. Nothing follows an error. Inlined, it would be in the program once
// for each caller.
//
//go:noinline
func (l listing[T]) rows(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var row, none T
		read := func(d *decoder) (ok bool) {
			row, ok = l.row(d)
			return ok
		}
		if err := l.walk(ctx, read, func() bool { return yield(row, nil) }); err != nil {
			yield(none, err)
		}
	}
}

// walk reads row after row, and gives each that can be read until there are enough.
func (l list) walk(ctx context.Context, read func(*decoder) (ok bool), give func() (more bool)) error {
	d := l.client.borrowDecoder(l.noun)
	d.under = l.under
	defer l.client.returnDecoder(d)
	w := &walk{list: l, decoder: d, pager: l.pager(), row: read, yield: give, seen: newSeenRows()}
	defer func() { l.client.apart.Add(-int64(w.apart)) }()
	w.size = l.client.pageSizes.of(l.path, l.size)
	return w.pages(ctx)
}

// walk is one pass over a list.
type walk struct {
	list
	decoder *decoder
	pager   pager
	row     func(*decoder) (ok bool)
	yield   func() (more bool) // the row that was read
	seen    *seenRows
	total   int  // rows that were yielded
	apart   int  // rows of it among the client's
	done    bool // the consumer has enough
	promise bool // the page before said that there are more rows
}

// pages reads the list, and once more where rows moved so that some were passed over.
func (w *walk) pages(ctx context.Context) error {
	if err := w.pass(ctx); err != nil || w.done {
		return err
	}
	if w.seen.missing(w.total + w.decoder.lost) {
		w.seen.again, w.pager = true, w.list.pager()
		if err := w.pass(ctx); err != nil || w.done {
			return err
		}
	}
	if w.total == 0 && w.decoder.lost > 0 && !w.lenient {
		return w.failed(ErrDecode, fmt.Errorf("none of the %d rows is readable", w.decoder.lost))
	}
	return nil
}

// pass reads page after page.
func (w *walk) pass(ctx context.Context) error {
	learned := false
	w.promise = false
	for range pageLimit {
		q := maps.Clone(w.query)
		if q == nil {
			q = url.Values{}
		}
		if w.size > 0 {
			q.Set("page[limit]", strconv.Itoa(w.pageSize()))
		}
		w.pager.ask(q)
		a, err := w.ask(ctx, q)
		if smaller := smallerPage(w.pageSize()); err != nil && smaller > 0 && tooLarge(err) {
			w.size, learned = smaller, true
			continue
		}
		if err != nil && emptyList(err, w.emptyIs404) && !w.promise {
			return nil
		}
		if err != nil {
			return err
		}
		if learned {
			w.client.pageSizes.learn(w.path, w.size)
		}
		more, err := w.page(a)
		if err != nil || !more {
			return err
		}
	}
	return w.client.Beyond(w.path, guard.Limit{What: "a list", Most: pageLimit, Unit: "pages"})
}

// ask is one page; a reading in the background asks again where it was.
func (w *walk) ask(ctx context.Context, q url.Values) (*answer, error) {
	budget := budgetOf(ctx)
	for {
		if err := budget.Take(ctx); err != nil {
			return nil, err
		}
		a, err := w.client.get(ctx, w.path, q)
		if !budget.Again(ctx, err) {
			return a, err
		}
	}
}

// page yields the rows of one answer and says whether another page is to be read.
func (w *walk) page(a *answer) (bool, error) {
	defer a.release()
	defer w.decoder.reset(nil) // the next page may be cycles away, and this one's bytes have no room meanwhile
	w.seen.next()
	known := w.total + w.decoder.lost
	p, err := w.decoder.page(a.body, func() bool {
		w.decoder.id, w.decoder.described = w.decoder.id[:0], false
		switch ok := w.row(w.decoder); {
		case w.decoder.err != nil: // the row may be cut off in its middle
		case w.lenient && ok:
			w.give()
		case !w.lenient && w.seen.nameless(w.decoder.id):
			w.decoder.lostRow(nil)
		case !w.seen.fresh(w.decoder.id):
		case ok:
			w.give()
		default:
			w.decoder.lostRow(nil)
		}
		return !w.done
	})
	w.seen.page(p)
	all := w.client.apart.Add(int64(w.seen.rows() - w.apart))
	w.apart = w.seen.rows()
	switch {
	case w.done:
		return false, nil
	case w.apart > rowLimit && all > rowsLimit:
		return false, w.client.Beyond(w.path, guard.Limit{What: "a list", Most: rowLimit, Unit: "rows"})
	}
	if err != nil {
		return false, w.client.unreadable(a, "expected a page of rows", err)
	}
	more, err := w.advance(p, known)
	if err != nil {
		return false, w.failed(ErrPages, err)
	}
	return more, nil
}

// advance says whether another page is to be read. A list that ends although its server says that there are more rows is
// cut: that is an error, whatever was missing.
func (w *walk) advance(p pagination, knownBefore int) (bool, error) {
	known, rows, promised := w.total+w.decoder.lost, w.decoder.elementsRead, w.promise
	w.promise = p.promises(known)
	more, err := w.pager.advance(p, rows)
	switch {
	case err != nil:
		return false, err
	case p.noList && (promised || w.promise):
		return false, errors.New("the page has no list of rows, although more rows exist")
	case p.next != "" || w.seen.again || known > knownBefore:
		return more, nil
	case w.size > 0 && rows >= w.size && w.promise:
		return false, fmt.Errorf("the server sent the same page again after %d rows", known)
	}
	return false, nil // the same page again: this server knows no offset
}

func (w *walk) give() {
	w.total++
	w.done = !w.yield() || w.total == w.limit
}

func (w *walk) pageSize() int {
	if w.limit > 0 {
		return min(w.size, w.limit-w.total)
	}
	return w.size
}

// Beyond is a list that is longer than any server's.
func (c *Client) Beyond(path string, cause guard.Limit) error {
	e := c.newError(request{method: "GET", path: path})
	e.Kind, e.Err = ErrLimit, cause
	c.limited.Add(1)
	return e
}

// failed is an error of the list as a whole, whatever each page was.
func (w *walk) failed(kind Kind, cause error) error {
	e := w.client.newError(request{method: "GET", path: w.path, query: w.query})
	e.Kind, e.Err = kind, w.client.secrets.ClearError(cause)
	return e
}

// cursors pages by an opaque text that the server gives with each page but the last.
type cursors struct {
	next string
	seed maphash.Seed
	seen map[uint64]struct{} // hashes: a cursor may be long
	rows int64               // so far
}

func byCursor() pager { return &cursors{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}} }

func (c *cursors) ask(q url.Values) {
	if c.next != "" {
		q.Set("page[after]", c.next)
	}
}

// advance continues at the cursor. Without a cursor the list ends, unless the server announces more rows.
func (c *cursors) advance(p pagination, rows int) (bool, error) {
	c.rows += int64(rows)
	if p.next == "" {
		if p.more || p.count.Given && p.count.Value > c.rows {
			return false, fmt.Errorf("no cursor after %d rows, although more rows exist", c.rows)
		}
		return false, nil
	}
	hash := maphash.String(c.seed, p.next)
	if _, ok := c.seen[hash]; ok {
		return false, fmt.Errorf("the server sent cursor %q a second time", cut(p.next, textLimit))
	}
	c.seen[hash] = struct{}{}
	c.next = p.next
	return true, nil
}

// offsets pages by the number of rows before the page.
type offsets struct {
	offset int64
	size   int // of the page that was asked for; 0 where that is not known
}

func byOffset() pager { return &offsets{} }

func (o *offsets) ask(q url.Values) {
	q.Set("page[offset]", strconv.FormatInt(o.offset, 10))
	o.size, _ = strconv.Atoi(q.Get("page[limit]"))
}

// advance goes where next points; without it, on by the rows that came while hasNext, count or last say that there are
// more, or while pages are full where they say nothing. A next that stays where it is at the end is no error. A count may
// be too large, as of rows that the role does not show: a page without rows ends the list in spite of it.
func (o *offsets) advance(p pagination, rows int) (bool, error) {
	next, err := o.next(p.next)
	if err != nil {
		return false, err
	}
	after := o.offset + int64(rows)
	full := o.size > 0 && rows >= o.size
	counted := p.count.Given && (after <= p.count.Value || !full) // or else the count is wrong
	atEnd := !p.more && ((counted && after >= p.count.Value) || (p.last.Given && o.offset >= p.last.Value))
	switch {
	case rows == 0 && (p.more || next > o.offset):
		return false, fmt.Errorf("no rows at offset %d, although more rows exist", o.offset)
	case rows == 0:
		return false, nil
	case next > o.offset:
		o.offset = next
		return true, nil
	case atEnd:
		return false, nil
	case p.next != "":
		return false, fmt.Errorf("the next offset after %d is %d, which does not advance", o.offset, next)
	case p.more || counted || p.last.Given || full: // of a full page nobody knows that it is the last
		o.offset = after
		return true, nil
	}
	return false, nil
}

func (o *offsets) next(s string) (int64, error) {
	if s == "" {
		return -1, nil
	}
	next, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the next offset %q is not a number", s)
	}
	return next, nil
}

// whole is a list without pages.
type whole struct{}

func inOne() pager { return whole{} }

func (whole) ask(url.Values) {}

func (whole) advance(p pagination, rows int) (bool, error) {
	if p.more {
		return false, fmt.Errorf("%d rows received although all were requested and more exist", rows)
	}
	return false, nil
}
