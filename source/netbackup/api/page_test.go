package api

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// Seen in an exporter: the same page was read a thousand times.
func TestCursorThatRepeatsIsAnError(t *testing.T) {
	for name, cursors := range map[string][]string{"itself": {"a"}, "a ring": {"a", "b", "c"}} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			c := newTestClient(t, func(*http.Request) *http.Response {
				requests++
				return reply(200, page(cursors[(requests-1)%len(cursors)], job(requests, `"try":1`)))
			})
			var last error
			for _, err := range c.Jobs(t.Context(), JobQuery{}) {
				last = err
			}
			if !errors.Is(last, ErrPages) || !strings.Contains(last.Error(), `"a"`) {
				t.Errorf("error %v, want pages without an end at cursor a", last)
			}
			if requests != len(cursors)+1 {
				t.Errorf("%d requests, want %d", requests, len(cursors)+1)
			}
		})
	}
}

// A list waits for its next page with nothing of the last one: its room was given back, and others have it by then.
func TestNoPageIsKeptWhileTheNextIsAwaited(t *testing.T) {
	const size = 6 << 20
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, kept, pages := heap(), int64(0), 1
	c := newTestClient(t, func(r *http.Request) *http.Response {
		if r.URL.Query().Get("page[after]") != "" {
			kept, pages = heap()-before, 2
			return reply(200, page("", job(2, `"try":1`)))
		}
		return reply(200, strings.Repeat(" ", size)+page("next", job(1, `"try":1`)))
	})
	for _, err := range c.Jobs(t.Context(), JobQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if pages != 2 || kept > size/2 {
		t.Errorf("%d bytes are kept of a page of %d bytes, %d pages", kept, size, pages)
	}
}

func TestOffsetsAdvance(t *testing.T) {
	tests := map[string]struct {
		p         string
		rows      int
		next      int64 // 0 where the listing ends
		wantError bool
	}{
		"next":                        {p: `"next":500,"last":1000,"count":1200`, rows: 500, next: 500},
		"next as a string":            {p: `"next":"500"`, rows: 500, next: 500},
		"next smaller than the page":  {p: `"next":100`, rows: 500, next: 100},
		"last page has no next":       {p: `"last":0,"count":12,"offset":0`, rows: 12},
		"last page repeats itself":    {p: `"next":0,"last":0,"count":12`, rows: 12},
		"no rows":                     {p: `"count":1200`, rows: 0},
		"no rows, but next":           {p: `"next":500`, rows: 0, wantError: true},
		"no rows, but hasNext":        {p: `"hasNext":true`, rows: 0, wantError: true},
		"null, and hasNext":           {p: `"next":null,"hasNext":true`, rows: 7, next: 7},
		"hasNext is against count":    {p: `"count":500,"hasNext":true`, rows: 500, next: 500},
		"no more by hasNext":          {p: `"next":null,"hasNext":false`, rows: 7},
		"no pagination":               {p: ``, rows: 10},
		"no next, but count has more": {p: `"count":1200`, rows: 500, next: 500},
		"no next, but last has more":  {p: `"last":1000`, rows: 500, next: 500},
		"stands still in the middle":  {p: `"next":0,"last":1000,"count":1200`, rows: 500, wantError: true},
		"no number":                   {p: `"next":"abc"`, rows: 500, wantError: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, p, err := readPage(`{"data":[],"meta":{"pagination":{` + test.p + `}}}`)
			if err != nil {
				t.Fatal(err)
			}
			o := &offsets{}
			more, err := o.advance(p, test.rows)
			if (err != nil) != test.wantError || more != (test.next > 0) || o.offset != test.next {
				t.Errorf("more %v at %d, error %v; want %d, error %v", more, o.offset, err, test.next, test.wantError)
			}
		})
	}
}

func TestOffsetThatGoesBackIsAnError(t *testing.T) {
	c := newTestClient(t, func(r *http.Request) *http.Response {
		next := map[string]int{"0": 500, "500": 0}[r.URL.Query().Get("page[offset]")]
		return reply(200, offsetPage(`"count":2000,"next":`+strconv.Itoa(next), unit(strconv.Itoa(next), `"useWorm":true`)))
	})
	units, err := 0, error(nil)
	for _, e := range c.StorageUnits(t.Context()) {
		if err = e; e == nil {
			units++
		}
	}
	if !errors.Is(err, ErrPages) || units != 2 {
		t.Errorf("%d units, error %v; want 2, and pages without an end", units, err)
	}
}

// Seen in an exporter: any failing page lost everything. The rows before it are good, and
// the error says that there would have been more.
func TestErrorOnALaterPageKeepsTheRowsBefore(t *testing.T) {
	c := newTestClient(t, func(r *http.Request) *http.Response {
		if r.URL.Query().Get("page[after]") == "2" {
			return reply(500, `{"errorCode":1,"errorMessage":"database"}`)
		}
		return reply(200, page("2", job(1, `"try":1`)))
	})
	var ids []int64
	var last error
	for j, err := range c.Jobs(t.Context(), JobQuery{}) {
		if last != nil {
			t.Error("something follows the error")
		}
		if last = err; err == nil {
			ids = append(ids, j.ID)
		}
	}
	if len(ids) != 1 || !errors.Is(last, ErrServer) {
		t.Errorf("jobs %v, error %v; want job 1 and the server's failure", ids, last)
	}
}

func TestRowCutOffByTruncationIsNotYielded(t *testing.T) {
	whole := page("", job(1, `"try":1`), job(2, `"clientName":"c","try":1,"policyName":"p"`))
	c := newTestClient(t, func(*http.Request) *http.Response {
		return reply(200, whole[:strings.Index(whole, `"policyName"`)+5])
	})
	var ids []int64
	var last error
	for j, err := range c.Jobs(t.Context(), JobQuery{}) {
		if last = err; err == nil {
			ids = append(ids, j.ID)
		}
	}
	if fmt.Sprint(ids) != "[1]" || !errors.Is(last, ErrDecode) || !strings.Contains(last.Error(), "truncated") {
		t.Errorf("jobs %v, error %v; want job 1 and a truncated answer", ids, last)
	}
}

func TestConsumerThatStopsEndsTheListing(t *testing.T) {
	requests := 0
	c := newTestClient(t, func(*http.Request) *http.Response {
		requests++
		return reply(200, page(strconv.Itoa(requests), job(1, `"try":1`), job(2, `"try":1`)))
	})
	for _, err := range c.Jobs(t.Context(), JobQuery{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if requests != 1 {
		t.Errorf("%d requests, want 1", requests)
	}
}

// A cursor is documented for each page but the last (storage.yaml of 10.5 and 11.0), and hasNext as "indicates whether there
// are more records". A list that ends against what its server says is cut.
func TestListThatIsCutIsNoWholeOne(t *testing.T) {
	t.Parallel()
	const tape = `{"id":"t1","attributes":{"mediaStatus":"ACTIVE"}}`
	for pagination, whole := range map[string]bool{
		`"limit":100`:                   true,
		`"next":null`:                   true,
		`"next":null,"hasNext":false`:   true,
		`"next":null,"hasNext":null`:    true,
		`"count":1`:                     true,
		`"count":-1`:                    true,
		`"next":null,"hasNext":true`:    false,
		`"hasNext":true`:                false,
		`"next":"","hasNext":"true"`:    false,
		`"next":{"x":1},"hasNext":true`: false,
		`"next":null,"count":250`:       false,
	} {
		c := newTestClient(t, func(*http.Request) *http.Response { return reply(200, offsetPage(pagination, tape)) })
		times, err := collected(c.TapeMedia(t.Context()), func(m *TapeMedium) string { return m.ID })
		if times["t1"] != 1 || (err == nil) != whole || err != nil && !errors.Is(err, ErrPages) {
			t.Errorf("{%s}: %v, error %v; whole: %v", pagination, times, err, whole)
		}
	}
	for name, second := range map[string]string{
		"null for the rows":       `{"data":null,"meta":{"pagination":{}}}`,
		"nothing, and more":       offsetPage(`"hasNext":true`),
		"nothing, and an offset":  offsetPage(`"next":300`),
		"no entity":               "404",
		"the same page once more": "again",
	} {
		first := make([]string, 100)
		for i := range first {
			first[i] = drive("d" + strconv.Itoa(i))
		}
		c := newTestClient(t, func(r *http.Request) *http.Response {
			switch {
			case r.URL.Query().Get("page[offset]") == "0" || second == "again":
				return reply(200, offsetPage(`"count":250`, first...))
			case second == "404":
				return reply(404, `{"errorCode":227,"errorMessage":"no entity was found"}`)
			}
			return reply(200, second)
		})
		times, err := collected(c.TapeDrives(t.Context()), driveName)
		if len(times) != 100 || err == nil {
			t.Errorf("%s: %d drives, error %v", name, len(times), err)
		}
	}
	c := newTestClient(t, func(*http.Request) *http.Response {
		return reply(200, offsetPage(`"hasNext":true`, drive("robot-host")))
	})
	if _, err := collected(c.RobotHosts(t.Context()), func(s string) string { return s }); !errors.Is(err, ErrPages) {
		t.Errorf("a list without pages: %v", err)
	}
}
