package nbusim

import (
	"fmt"
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
