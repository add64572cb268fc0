package api

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
)

func drive(id string) string {
	return fmt.Sprintf(`{"type":"drive","id":%q,"attributes":{"driveType":"DT_HCART3","driveStatus":"DRIVE_STATUS_UP"}}`, id)
}

// collected is how often each key came, and the error at the end.
func collected[T any](rows iter.Seq2[T, error], key func(T) string) (map[string]int, error) {
	times := map[string]int{}
	for v, err := range rows {
		if err != nil {
			return times, err
		}
		times[key(v)]++
	}
	return times, nil
}

func driveName(d TapeDrive) string { return d.Name }

// A list that changes while it is read by offset shows some rows twice and passes others over: what leaves an earlier page
// draws those behind forward. Whatever moves, each row that was there all the time is taken once.
func TestRowsThatMoveAreTakenOnce(t *testing.T) {
	t.Parallel()
	const size = 100 // the documented maximum of /storage/drives
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 5))
		var list, steady []string
		for i := range 2*size + random.IntN(2*size) {
			list = append(list, "drive-"+strconv.Itoa(i))
		}
		steady = slices.Clone(list)
		requests := 0
		c := newTestClient(t, func(r *http.Request) *http.Response {
			requests++
			if requests > 1 && requests%3 == 2 { // something happens once, then there is time to read again
				n := 1 + random.IntN(30)
				switch random.IntN(3) {
				case 0: // rows in front are gone
					gone := list[:n]
					steady = slices.DeleteFunc(steady, func(s string) bool { return slices.Contains(gone, s) })
					list = list[n:]
				case 1: // rows come in front
					for range n {
						list = append([]string{"new-" + strconv.Itoa(requests) + "-" + strconv.Itoa(random.Int())}, list...)
					}
				case 2: // the order changes
					list = slices.Concat(list[n:], list[:n])
				}
			}
			offset, _ := strconv.Atoi(r.URL.Query().Get("page[offset]"))
			from := min(offset, len(list))
			to := min(from+size, len(list))
			var rows []string
			for _, id := range list[from:to] {
				rows = append(rows, drive(id))
			}
			pagination := fmt.Sprintf(`"count":%d,"offset":%d,"limit":100`, len(list), offset)
			if to < len(list) {
				pagination += fmt.Sprintf(`,"next":%d`, to)
			}
			return reply(200, offsetPage(pagination, rows...))
		})
		times, err := collected(c.TapeDrives(t.Context()), driveName)
		if err != nil {
			t.Fatal(err)
		}
		for id, n := range times {
			if n != 1 {
				t.Fatalf("seed %d: %s came %d times", seed, id, n)
			}
		}
		missed := 0
		for _, id := range steady {
			if times[id] == 0 {
				missed++
			}
		}
		// Two readings find nearly all; without the second some hundred of 300 lists miss rows.
		if missed > 60 || requests > 2*(len(list)/size+3) {
			t.Fatalf("seed %d: %d of %d rows missed in %d requests", seed, missed, len(steady), requests)
		}
	}
}

// A list that does not change is read once, whatever its server says of the number of its rows.
func TestRowsThatStandAreReadOnce(t *testing.T) {
	t.Parallel()
	for _, count := range []string{"", `"count":250`, `"count":9999`, `"count":1`, `"count":null`, `"count":-1`} {
		requests := 0
		c := newTestClient(t, func(r *http.Request) *http.Response {
			requests++
			offset, _ := strconv.Atoi(r.URL.Query().Get("page[offset]"))
			var rows []string
			for i := offset; i < min(offset+100, 250); i++ {
				rows = append(rows, drive("d"+strconv.Itoa(i)))
			}
			return reply(200, offsetPage(count, rows...))
		})
		times, err := collected(c.TapeDrives(t.Context()), driveName)
		if err != nil || len(times) != 250 || requests > 4 {
			t.Errorf("%s: %d rows of 250 in %d requests, error %v", count, len(times), requests, err)
		}
	}
}

// A server that gives no pagination and knows no offset shows one page again and again.
func TestPageThatRepeatsEnds(t *testing.T) {
	t.Parallel()
	requests := 0
	var rows []string
	for i := range 100 {
		rows = append(rows, drive("d"+strconv.Itoa(i)))
	}
	c := newTestClient(t, func(*http.Request) *http.Response {
		requests++
		return reply(200, offsetPage("", rows...))
	})
	times, err := collected(c.TapeDrives(t.Context()), driveName)
	if err != nil || len(times) != 100 || requests > 3 {
		t.Errorf("%d rows in %d requests, error %v", len(times), requests, err)
	}
}

// 8961 was answered to a page of 100 by a server whose documents allow it.
func TestPageThatIsTooLargeIsTriedSmaller(t *testing.T) {
	t.Parallel()
	for _, most := range []int{500, 100, 99, 50, 49, 25, 10} {
		var asked []int
		c := newTestClient(t, func(r *http.Request) *http.Response {
			limit, _ := strconv.Atoi(r.URL.Query().Get("page[limit]"))
			asked = append(asked, limit)
			if limit > most {
				return reply(400, `{"errorCode":8961,"errorMessage":"The request could not be processed.","errorDetails":[]}`)
			}
			offset, _ := strconv.Atoi(r.URL.Query().Get("page[offset]"))
			var rows []string
			for i := offset; i < min(offset+limit, 120); i++ {
				rows = append(rows, drive("d"+strconv.Itoa(i)))
			}
			return reply(200, offsetPage(`"count":120`, rows...))
		})
		for range 2 {
			asked = nil
			if times, err := collected(c.TapeDrives(t.Context()), driveName); err != nil || len(times) != 120 {
				t.Errorf("at most %d: %d rows, error %v", most, len(times), err)
			}
		}
		if slices.Max(asked) > most { // what was learned is not asked for again
			t.Errorf("at most %d: the second reading asked for %v", most, asked)
		}
	}
	for name, answer := range map[string]string{
		"8961":             `{"errorCode":8961,"errorMessage":"x"}`,
		"attribute errors": `{"errorCode":1,"errorMessage":"x","attributeErrors":{"page[limit]":"too large"}}`,
	} {
		c := newTestClient(t, func(r *http.Request) *http.Response {
			if r.URL.Query().Get("page[limit]") == "100" {
				return reply(400, answer)
			}
			return reply(200, page("", job(1, `"try":1`)))
		})
		times, err := collected(c.Jobs(t.Context(), JobQuery{Filter: "jobId gt 0"}), func(j Job) string { return strconv.FormatInt(j.ID, 10) })
		if err != nil || len(times) != 1 {
			t.Errorf("jobs with %s: %v, error %v", name, times, err)
		}
	}
	refusals := 0 // what is refused for another reason is not asked again and again
	c := newTestClient(t, func(*http.Request) *http.Response {
		refusals++
		return reply(400, `{"errorCode":1,"errorMessage":"the filter is not valid"}`)
	})
	if _, err := collected(c.Jobs(t.Context(), JobQuery{Filter: "x"}), func(Job) string { return "" }); !errors.Is(err, ErrRequest) || refusals != 1 {
		t.Errorf("a refused filter: %d requests, error %v", refusals, err)
	}
}

// "No entity found." is what the documents call a 404 of lists. Another 404 of NetBackup's says that there is no such
// list, and one of anybody else says nothing.
func TestNotFoundHasThreeMeanings(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		`{"errorCode":227,"errorMessage":"no entity was found","errorDetails":[]}`: nil,
		`{"errorCode":9999,"errorMessage":"No entity found.","details":{}}`:        nil,
		`{"errorCode":8404,"errorMessage":"Not Found","errorDetails":[]}`:          ErrNotOffered,
		`<html><body>HTTP Status 404</body></html>`:                                ErrForeign,
		``:            ErrForeign,
		`{"ok":true}`: ErrForeign,
	} {
		c := newTestClient(t, func(*http.Request) *http.Response { return reply(404, body) })
		for name, rows := range map[string]func() error{
			"drives": func() error { _, err := collected(c.TapeDrives(t.Context()), driveName); return err },
			"tapes": func() error {
				_, err := collected(c.TapeMedia(t.Context()), func(*TapeMedium) string { return "" })
				return err
			},
			"jobs": func() error {
				_, err := collected(c.Jobs(t.Context(), JobQuery{}), func(Job) string { return "" })
				return err
			},
		} {
			if err := rows(); !errors.Is(err, want) || errors.Is(err, ErrNotOffered) != errors.Is(want, ErrNotOffered) {
				t.Errorf("%s, 404 %s: error %v, want %v", name, body, err, want)
			}
		}
	}
}

// A day's images of a large site are more than a hundred thousand: one long list is read to its end. One without end is not, and
// what it took is free again for the next.
func TestOneLongListIsReadAndAnEndlessOneIsNot(t *testing.T) {
	t.Parallel()
	rows, total := 0, 250_000
	c := newTestClient(t, func(r *http.Request) *http.Response {
		offset, _ := strconv.Atoi(r.URL.Query().Get("page[offset]"))
		var page []string
		for i := offset; i < min(offset+100, total); i++ {
			page = append(page, drive("drive-"+strconv.Itoa(i)))
		}
		rows += len(page)
		return reply(200, offsetPage(fmt.Sprintf(`"count":%d,"offset":%d,"limit":100`, total, offset), page...))
	})
	read := func() (n int, err error) {
		for _, err := range c.TapeDrives(t.Context()) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
	for range 3 { // together they are more than the limit
		if n, err := read(); n != total || err != nil {
			t.Fatalf("%d rows of %d: %v", n, total, err)
		}
	}
	rows, total = 0, 1<<40
	if n, err := read(); !errors.Is(err, ErrLimit) || n > 500_200 {
		t.Errorf("%d rows of an endless list: %v", n, err)
	}
}
