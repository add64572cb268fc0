package nbusim

import "testing"

func TestReleasesDifferInWhatTheyFilterAndSortBy(t *testing.T) {
	for name, want := range map[string][3]int{ // filter on backupId, sort by tryField, sort by try
		"10.3": {400, 200, 400}, "10.5": {200, 200, 400}, "11.0": {200, 200, 400}, "11.2": {200, 400, 200},
	} {
		s := newServer(t, Options{Release: name})
		got := [3]int{
			get(t, s, "/admin/jobs"+query("filter", "backupId eq 'x'")).status,
			get(t, s, "/admin/jobs"+query("sort", "tryField")).status,
			get(t, s, "/admin/jobs"+query("sort", "-try")).status,
		}
		if got != want {
			t.Errorf("%s: answered %v, want %v", name, got, want)
		}
	}
}
