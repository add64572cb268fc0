package nbusim

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// everyJob reads all pages forward and gives the ids in order.
func everyJob(t *testing.T, s *Server, pairs ...string) []string {
	t.Helper()
	var ids []string
	after := ""
	for range 10000 {
		q := pairs
		if after != "" {
			q = append(q[:len(q):len(q)], "page[after]", after)
		}
		a := get(t, s, "/admin/jobs"+query(q...))
		if a.status != 200 {
			t.Fatalf("%v answered %d: %s", q, a.status, a.body)
		}
		p := a.page(t)
		for _, d := range p.Data {
			ids = append(ids, d.ID.(string))
		}
		next, ok := p.Meta.Pagination.Next.(string)
		if !ok {
			return ids
		}
		after = next
	}
	t.Fatal("the pages do not end")
	return nil
}

func TestPagesFollowEverySortOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		for i := range 57 {
			s.AddJob(JobSpec{Policy: fmt.Sprintf("p%d", i%5), Life: Run(time.Second, time.Duration(i%7)*time.Second, 0)})
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		for _, sort := range []string{
			"lastUpdateTime", "-lastUpdateTime", "jobId", "-jobId", "policyName", "-policyName", "endTime",
			"-startTime", "elapsedTime", "-dedupRatio",
		} {
			got := everyJob(t, s, "sort", sort, "page[limit]", "7")
			whole := everyJob(t, s, "sort", sort, "page[limit]", "100")
			if fmt.Sprint(got) != fmt.Sprint(whole) || len(got) != 57 {
				t.Errorf("sort %s: pages of 7 gave %v, one page %v", sort, got, whole)
			}
		}
		if ids := everyJob(t, s, "sort", "-jobId"); ids[0] != "57" || ids[56] != "1" {
			t.Errorf("descending by id: %v", ids)
		}
	})
}

func TestLimitAboveTheMaximumIsRefused(t *testing.T) {
	s := newServer(t, Options{})
	for limit, want := range map[string]int{"100": 200, "0": 200, "101": 400, "-1": 400, "ten": 400} {
		if a := get(t, s, "/admin/jobs"+query("page[limit]", limit)); a.status != want {
			t.Errorf("page[limit]=%s answered %d, want %d", limit, a.status, want)
		}
	}
	for i := range 12 {
		s.AddJob(JobSpec{Client: strconv.Itoa(i)})
	}
	if p := get(t, s, "/admin/jobs").page(t); len(p.Data) != 10 || p.Meta.Pagination.Limit != 10 {
		t.Errorf("the default page has %d rows", len(p.Data))
	}
}

func TestJobThatChangesComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		for range 4 {
			s.AddJob(JobSpec{})
			time.Sleep(time.Second)
		}
		first := get(t, s, "/admin/jobs"+query("sort", "lastUpdateTime", "page[limit]", "2")).page(t)
		if err := s.Continue(1, Step{State: Active}); err != nil {
			t.Fatal(err)
		}
		next := first.Meta.Pagination.Next.(string)
		rest := get(t, s, "/admin/jobs"+query("sort", "lastUpdateTime", "page[after]", next)).page(t)
		var ids []any
		for _, d := range rest.Data {
			ids = append(ids, d.ID)
		}
		if fmt.Sprint(ids) != "[3 4 1]" {
			t.Errorf("after the first page came %v", ids)
		}
	})
}

func (p page) ids() (ids []string) {
	for _, d := range p.Data {
		ids = append(ids, d.ID.(string))
	}
	return ids
}

func TestPagesGoBackwardAndBetween(t *testing.T) {
	s := newServer(t, Options{})
	for range 9 {
		s.AddJob(JobSpec{})
	}
	for _, sort := range []string{"jobId", "-jobId", "parentJobId"} { // the last has no order of its own
		whole := get(t, s, "/admin/jobs"+query("sort", sort)).page(t)
		at := func(i int) string { return whole.Data[i].Meta.Page.Cursor }
		ids := whole.ids()
		ask := func(pairs ...string) page {
			return get(t, s, "/admin/jobs"+query(append(pairs, "sort", sort)...)).page(t)
		}

		p := ask("page[before]", at(6), "page[limit]", "3")
		if want := ids[3:6]; !slices.Equal(p.ids(), want) || p.Meta.Pagination.Prev != at(3) || p.Meta.Pagination.Next != at(5) {
			t.Errorf("%s: before the seventh came %v with %+v, want %v", sort, p.ids(), p.Meta.Pagination, want)
		}
		p = ask("page[before]", at(2), "page[limit]", "3")
		if !slices.Equal(p.ids(), ids[:2]) || p.Meta.Pagination.Prev != nil {
			t.Errorf("%s: the first page backward is %v with %+v", sort, p.ids(), p.Meta.Pagination)
		}
		for limit, truncated := range map[int]bool{3: true, 4: false} {
			p = ask("page[after]", at(1), "page[before]", at(6), "page[limit]", itoa(limit))
			if !slices.Equal(p.ids(), ids[2:2+limit]) || *p.Meta.Pagination.RangeTruncated != truncated {
				t.Errorf("%s: between came %v with %+v", sort, p.ids(), p.Meta.Pagination)
			}
		}
	}
}

func TestForeignCursorIsRefused(t *testing.T) {
	s := newServer(t, Options{})
	s.AddJob(JobSpec{})
	cursor := get(t, s, "/admin/jobs"+query("sort", "jobId")).page(t).Data[0].Meta.Page.Cursor
	for _, q := range []string{
		query("sort", "-jobId", "page[after]", cursor), query("page[after]", "10"), query("page[before]", "!"),
	} {
		if a := get(t, s, "/admin/jobs"+q); a.status != 400 {
			t.Errorf("%s answered %d", q, a.status)
		}
	}
}
