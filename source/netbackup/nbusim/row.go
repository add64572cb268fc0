package nbusim

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// row is an object of a list that is paged by offset.
type row struct {
	kind          string // "type" in the answer
	id            string
	path          string // of its kind, with a slash at the end
	attributes    map[string]any
	common        func() map[string]any // further attributes, which every row of the kind has: made where one is shown; nil where there are none
	relationships map[string]any        // nil where the documents name none
}

func (r row) render() map[string]any {
	attributes := r.attributes
	if r.common != nil {
		attributes = r.common()
		maps.Copy(attributes, r.attributes)
	}
	out := map[string]any{
		"links":      map[string]any{"self": link(r.path + r.id)},
		"type":       r.kind,
		"id":         r.id,
		"attributes": attributes,
	}
	if r.relationships != nil {
		out["relationships"] = r.relationships
	}
	return out
}

// rowColumn is an attribute that a list can be filtered and sorted by.
func rowColumn(name string, k kind, operators string) column[row] {
	return column[row]{name: name, kind: k, operators: operators, sortable: true, get: func(r *row) value {
		return valueOf(k, r.attributes[name])
	}}
}

// dateColumn is an attribute that holds a time, as stamp writes it.
func dateColumn(name, operators string) column[row] {
	return column[row]{name: name, kind: date, operators: operators, sortable: true, get: func(r *row) value {
		at, err := time.Parse(time.RFC3339, valueOf(text, r.attributes[name]).s)
		if err != nil {
			return instant(0)
		}
		return instant(at.UnixMilli())
	}}
}

// valueOf reads an attribute; an absent one is the kind's zero.
func valueOf(k kind, a any) value {
	switch a := a.(type) {
	case string:
		return str(a)
	case bool:
		return flag(a)
	case int:
		return number(int64(a))
	case int64:
		return number(a)
	}
	return value{kind: k}
}

// limits are what page[limit] may be, as the documents of a list say.
type limits struct{ least, most int }

// unlimited is a list for which no document names a maximum.
const unlimited = 1<<31 - 1

// list answers a page by offset.
func (x *exchange) list(rows []row, cs columns[row], may limits) reply {
	q := x.request.URL.Query()
	limit, err := numberIn(q, "page[limit]", defaultLimit, may.least, may.most)
	if err != nil {
		return x.refuse("page[limit]", err)
	}
	const noEnd = 1<<31 - 1
	offset, err := numberIn(q, "page[offset]", 0, 0, noEnd)
	if err != nil {
		return x.refuse("page[offset]", err)
	}
	filter, err := parseFilter(q.Get("filter"))
	if err != nil {
		return x.refuse("filter", err)
	}
	holds, err := cs.bind(filter)
	if err != nil {
		return x.refuse("filter", err)
	}
	if q.Has("sort") {
		by, descending, err := cs.sortKey(q.Get("sort"))
		if err != nil {
			return x.refuse("sort", err)
		}
		sortRows(rows, by, descending)
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return !holds(&r) })
	return x.offsetPage(x.untidy.rotate(rows), offset, limit)
}

func sortRows(rows []row, by *column[row], descending bool) {
	slices.SortStableFunc(rows, func(a, b row) int {
		c := cmp.Or(by.get(&a).compare(by.get(&b)), cmp.Compare(a.id, b.id))
		if descending {
			return -c
		}
		return c
	})
}

func (x *exchange) offsetPage(rows []row, offset, limit int) reply {
	count := len(rows)
	from, to := min(offset, count), min(offset+limit, count)
	shown := []any{}
	for _, r := range rows[from:to] {
		shown = append(shown, x.untidy.spoil(r.render()))
	}
	step := max(limit, 1) // a page of 0 rows is allowed by some lists; that it is an empty page with the count is an assumption
	last := max(count-1, 0) / step * step
	p := map[string]any{
		"count": count, "offset": offset, "limit": limit, "first": 0, "last": last,
		"page": offset / step, "pages": (count + step - 1) / step,
	}
	q := x.request.URL.Query()
	links := map[string]any{}
	place := func(name string, offset int) {
		q.Set("page[offset]", itoa(offset))
		links[name] = link(x.request.URL.Path[len(Mount):] + "?" + q.Encode())
	}
	place("self", offset)
	place("first", 0)
	place("last", last)
	if to < count && limit > 0 {
		p["next"] = to
		place("next", to)
	}
	if offset > 0 {
		p["prev"] = max(offset-limit, 0)
		place("prev", max(offset-limit, 0))
	}
	return x.json(http.StatusOK, map[string]any{"data": shown, "links": links, "meta": map[string]any{"pagination": p}})
}

// cursorPage answers a page by cursor. Documented (storage.yaml of 10.5 and 11.0, catalog.yaml): page[limit] from 0, a cursor that is
// opaque and absent at the end. House belief: the cursor is the id of the last row, behind a prefix that makes it no number.
func (x *exchange) cursorPage(rows []row, usual, most int) reply {
	const prefix = "after-"
	q := x.request.URL.Query()
	limit, err := numberIn(q, "page[limit]", usual, 0, most)
	if err != nil {
		return x.refuse("page[limit]", err)
	}
	if after := q.Get("page[after]"); after != "" {
		i := slices.IndexFunc(rows, func(r row) bool { return prefix+r.id == after })
		if i < 0 {
			return x.refuse("page[after]", fmt.Errorf("%q is not a cursor", after))
		}
		rows = rows[i+1:]
	}
	shown, p := []any{}, map[string]any{"limit": limit}
	for _, r := range rows[:min(limit, len(rows))] {
		shown = append(shown, x.untidy.spoil(r.render()))
	}
	if len(rows) > limit && limit > 0 {
		p["next"] = prefix + rows[limit-1].id
	}
	links := map[string]any{"self": link(x.request.URL.Path[len(Mount):] + "?" + q.Encode())}
	return x.json(http.StatusOK, map[string]any{"data": shown, "links": links, "meta": map[string]any{"pagination": p}})
}

const orderedText = "eq ne gt ge lt le and or not contains endswith startswith tolower toupper"

func apiKeyColumns() columns[row] {
	return columns[row]{
		rowColumn("userName", text, "eq"),
		rowColumn("userDomain", text, "eq"),
		rowColumn("userDomainType", text, "eq"),
		rowColumn("expiryDateTime", text, ""),
		rowColumn("createdDateTime", text, ""),
	}
}
