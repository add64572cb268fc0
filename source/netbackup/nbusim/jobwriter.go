package nbusim

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

// jobWriter writes jobs as JSON by appending: a page of a hundred has eight thousand attributes.
type jobWriter struct {
	b         []byte
	columns   columns[view]
	irregular Irregularity
	omission  *omission
}

func (s *Server) jobWriter(jobs int) *jobWriter {
	const bytesPerJob = 3 << 10
	return &jobWriter{
		b:       make([]byte, 0, bytesPerJob*(jobs+1)),
		columns: s.columns, irregular: s.irregular, omission: &s.omission,
	}
}

func (w *jobWriter) page(q url.Values, o *jobQuery, page jobRows) []byte {
	w.b = append(w.b, `{"data":[`...)
	for i := range page.rows {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.job(&page.rows[i], o.cursorOf(&page.rows[i]).String())
	}
	next, prev := o.neighbours(page)
	w.b = append(w.b, `],"links":{"self":{"href":`...)
	w.b = appendString(w.b, "/admin/jobs?"+q.Encode())
	w.b = append(w.b, '}')
	w.link("first", q, "", "")
	if next != "" {
		w.link("next", q, "page[after]", next)
	}
	if prev != "" {
		w.link("prev", q, "page[before]", prev)
	}
	w.b = append(w.b, `},"meta":{"pagination":{"limit":`...)
	w.b = strconv.AppendInt(w.b, int64(o.limit), 10)
	if next != "" {
		w.b = appendString(append(w.b, `,"next":`...), next)
	}
	if prev != "" {
		w.b = appendString(append(w.b, `,"prev":`...), prev)
	}
	if o.after != nil && o.before != nil {
		w.b = strconv.AppendBool(append(w.b, `,"rangeTruncated":`...), page.more)
	}
	return append(w.b, `}}}`...)
}

// neighbours are the cursors of the pages around this one, empty where there is none.
func (o *jobQuery) neighbours(page jobRows) (next, prev string) {
	if len(page.rows) == 0 {
		return "", ""
	}
	first, last := &page.rows[0], &page.rows[len(page.rows)-1]
	backward := o.before != nil && o.after == nil
	if backward || page.more {
		next = o.cursorOf(last).String()
	}
	if (backward && page.more) || (!backward && o.after != nil) {
		prev = o.cursorOf(first).String()
	}
	return next, prev
}

func (w *jobWriter) link(name string, q url.Values, parameter, cursor string) {
	there := url.Values{}
	for k, v := range q {
		if k != "page[after]" && k != "page[before]" {
			there[k] = v
		}
	}
	if parameter != "" {
		there.Set(parameter, cursor)
	}
	w.b = append(w.b, `,"`...)
	w.b = append(w.b, name...)
	w.b = append(w.b, `":{"href":`...)
	w.b = appendString(w.b, "/admin/jobs?"+there.Encode())
	w.b = append(w.b, '}')
}

// job writes one job; the cursor is empty outside of pages.
func (w *jobWriter) job(v *view, cursor string) {
	w.b = append(w.b, `{"type":"job","id":`...)
	if w.irregular.has(NumericIDs) {
		w.b = append(w.b, v.idText...)
	} else {
		w.b = appendString(w.b, v.idText)
	}
	w.b = append(w.b, `,"links":{"self":{"href":"/admin/jobs/`...)
	w.b = append(w.b, v.idText...)
	w.b = append(w.b, `"},"try-logs":{"href":"/admin/jobs/`...)
	w.b = append(w.b, v.idText...)
	w.b = append(w.b, `/try-logs"},"file-lists":{"href":"/admin/jobs/`...)
	w.b = append(w.b, v.idText...)
	w.b = append(w.b, `/file-lists"}}`...)
	if cursor != "" {
		w.b = append(w.b, `,"meta":{"page":{"cursor":"`...)
		w.b = append(w.b, cursor...)
		w.b = append(w.b, `"}}`...)
	}
	w.b = append(w.b, `,"attributes":{`...)
	w.attributes(v)
	w.b = append(w.b, `}}`...)
}

func (w *jobWriter) attributes(v *view) {
	begin := len(w.b)
	for i := range w.columns {
		c := &w.columns[i]
		if c.hidden {
			continue
		}
		how := w.omission.of(c.name)
		if how == asNothing {
			continue
		}
		if len(w.b) > begin {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, '"')
		w.b = append(w.b, c.name...)
		w.b = append(w.b, `":`...)
		if how == asNull {
			w.b = append(w.b, "null"...)
			continue
		}
		if odd, ok := w.irregular.attribute(c.name, v); ok {
			w.b = append(w.b, odd...)
			continue
		}
		w.b = w.value(c.get(v), v.ID)
	}
	if w.irregular.has(UndocumentedAttributes) {
		w.b = append(w.b, undocumented...)
	}
}

func (w *jobWriter) value(v value, id int64) []byte {
	switch v.kind {
	case text:
		return appendString(w.b, v.s)
	case float:
		return w.float(v.f)
	case date:
		return w.date(v.n, id)
	case duration:
		w.b = append(w.b, '"')
		if w.irregular.has(ClockDurations) {
			w.b = clockDuration(w.b, v.n)
		} else {
			w.b = isoDuration(w.b, v.n)
		}
		return append(w.b, '"')
	}
	return strconv.AppendInt(w.b, v.n, 10)
}

// float writes two decimals, which is what the product shows; a regular zero is 0.0.
func (w *jobWriter) float(f float64) []byte {
	if f == 0 && !w.irregular.has(ShortFloats) {
		return append(w.b, "0.0"...)
	}
	if f == 0 {
		return append(w.b, '0')
	}
	return strconv.AppendFloat(w.b, f, 'f', 2, 64)
}

func (w *jobWriter) date(ms, id int64) []byte {
	w.b = append(w.b, '"')
	layout := "2006-01-02T15:04:05.000Z"
	if w.irregular.has(DateForms) && ms%1000 == 0 && id%2 == 0 {
		layout = "2006-01-02T15:04:05Z"
	}
	w.b = time.UnixMilli(ms).UTC().AppendFormat(w.b, layout)
	return append(w.b, '"')
}

// appendString writes a JSON string; what needs no escape, nearly everything, is copied.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			escaped, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...)
			}
			return append(b, escaped...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
