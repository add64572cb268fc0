package netbackup

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"strconv"
)

// maxPages is far beyond what any server holds: with 100 rows a page, ten million.
const maxPages = 100_000

// pagination is meta.pagination of either style.
type pagination struct {
	next        string // a cursor, or an offset in digits; empty where absent
	last, count Optional[int64]
}

// pager is one of the styles in which the server pages, for one listing.
type pager interface {
	// ask adds the parameters of the page to be read now.
	ask(q url.Values)
	// advance says whether there is a page after this one, which had so many rows.
	advance(p pagination, rows int) (bool, error)
}

// listing is one resource that comes in pages.
type listing[T any] struct {
	client *Client
	noun   string // names the resource in the counts of what could not be read
	path   string
	query  url.Values
	size   int // rows a page: the documented maximum, more answers 400; 0 where there are no pages
	limit  int // rows at most; 0 is all
	row    func(*decoder) (T, bool)
	pager  func() pager
}

// rows yields row after row, page after page. Nothing follows an error.
func (l listing[T]) rows(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		d := l.client.borrowDecoder(l.noun)
		defer l.client.returnDecoder(d)
		w := &walk[T]{listing: l, decoder: d, pager: l.pager(), yield: yield}
		if err := w.pages(ctx); err != nil {
			var none T
			yield(none, err)
		}
	}
}

// walk is one pass over a listing.
type walk[T any] struct {
	listing[T]
	decoder *decoder
	pager   pager
	yield   func(T, error) bool
	total   int
	done    bool // the consumer has enough
}

func (w *walk[T]) pages(ctx context.Context) error {
	for range maxPages {
		q := maps.Clone(w.query)
		if q == nil {
			q = url.Values{}
		}
		if w.size > 0 {
			q.Set("page[limit]", strconv.Itoa(w.pageSize()))
		}
		w.pager.ask(q)
		a, err := w.client.get(ctx, w.path, q)
		if err != nil {
			return err
		}
		more, err := w.page(a)
		if err != nil || !more {
			return err
		}
	}
	return w.endless(fmt.Errorf("more than %d pages", maxPages))
}

// page yields the rows of one answer and says whether another page is to be read.
func (w *walk[T]) page(a *answer) (bool, error) {
	rows := 0
	p, err := w.decoder.page(a.body, func() bool {
		rows++
		switch v, ok := w.row(w.decoder); {
		case w.decoder.err != nil: // the row may be cut off in its middle
		case ok:
			w.give(v)
		default:
			w.decoder.lostRow(nil)
		}
		return !w.done
	})
	if w.done {
		return false, nil
	}
	if err != nil {
		return false, w.client.unreadable(a, "expected a page of rows", err)
	}
	more, err := w.pager.advance(p, rows)
	if err != nil {
		return false, w.endless(err)
	}
	return more, nil
}

func (w *walk[T]) give(v T) {
	w.total++
	w.done = !w.yield(v, nil) || w.total == w.limit
}

func (w *walk[T]) pageSize() int {
	if w.limit > 0 {
		return min(w.size, w.limit-w.total)
	}
	return w.size
}

func (w *walk[T]) endless(cause error) error {
	e := w.client.newError(request{method: "GET", path: w.path, query: w.query})
	e.Kind, e.Err = ErrPages, w.client.secrets.ClearError(cause)
	return e
}

// cursors pages by an opaque text that the server gives with each page but the last.
type cursors struct {
	next string
	seen map[string]struct{}
}

func byCursor() pager { return &cursors{seen: map[string]struct{}{}} }

func (c *cursors) ask(q url.Values) {
	if c.next != "" {
		q.Set("page[after]", c.next)
	}
}

func (c *cursors) advance(p pagination, _ int) (bool, error) {
	if p.next == "" {
		return false, nil
	}
	if _, ok := c.seen[p.next]; ok {
		return false, fmt.Errorf("the cursor %q came a second time", p.next)
	}
	c.seen[p.next] = struct{}{}
	c.next = p.next
	return true, nil
}

// offsets pages by the number of rows before the page.
type offsets struct{ offset int64 }

func byOffset() pager { return &offsets{} }

func (o *offsets) ask(q url.Values) { q.Set("page[offset]", strconv.FormatInt(o.offset, 10)) }

// advance goes where next points; without it, on by the rows that came while count or
// last say that there are more. A next that stays where it is at the end is no error.
func (o *offsets) advance(p pagination, rows int) (bool, error) {
	next, err := o.next(p.next)
	if err != nil {
		return false, err
	}
	after := o.offset + int64(rows)
	atEnd := (p.count.Given && after >= p.count.Value) || (p.last.Given && o.offset >= p.last.Value)
	switch {
	case rows == 0:
		return false, nil
	case next > o.offset:
		o.offset = next
		return true, nil
	case atEnd:
		return false, nil
	case p.next != "":
		return false, fmt.Errorf("the offset after %d is %d, which does not advance", o.offset, next)
	case p.count.Given || p.last.Given:
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
		return 0, fmt.Errorf("the next offset %q is no number", s)
	}
	return next, nil
}

// whole is a list without pages.
type whole struct{}

func inOne() pager { return whole{} }

func (whole) ask(url.Values) {}

func (whole) advance(pagination, int) (bool, error) { return false, nil }
