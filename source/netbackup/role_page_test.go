package netbackup

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const rolePage = "../../docs/netbackup-role.md"

// permissions is the table of the page: what a role must allow, once each, for which collectors.
func permissions() string {
	var b strings.Builder
	all := collectors()
	slices.SortStableFunc(all, func(a, b collector) int { // what is worth nothing without it first
		return cmp.Compare(rank(a), rank(b))
	})
	for i, c := range all {
		same := func(o collector) bool { return o.Role.Namespace == c.Role.Namespace }
		if slices.IndexFunc(all, same) < i {
			continue
		}
		var names, without []string
		for _, o := range all {
			if same(o) {
				names, without = append(names, "`"+o.Name+"`"), append(without, o.Role.Without)
			}
		}
		permission := "`" + c.Role.Namespace + "`"
		if c.Role.Operation != "" {
			permission += ", operation `" + c.Role.Operation + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", strings.ReplaceAll(permission, "|", `\|`), c.Role.Screen, strings.Join(names, ", "), strings.Join(without, ", "))
	}
	return b.String()
}

func rank(c collector) int {
	if c.Optional {
		return 1
	}
	return 0
}

// TestRolePageIsCurrent holds the table of docs/netbackup-role.md to what the collectors say of their roles.
func TestRolePageIsCurrent(t *testing.T) {
	page, err := os.ReadFile(rolePage)
	if err != nil {
		t.Fatal(err)
	}
	const head = "|---|---|---|---|\n"
	before, rest, found := strings.Cut(string(page), head)
	_, after, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatalf("%s has no table", rolePage)
	}
	want := before + head + permissions() + "\n" + after
	if *update {
		if err := os.WriteFile(rolePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		page = []byte(want)
	}
	if string(page) != want {
		t.Errorf("the table of %s is not what the collectors say; run go generate ./source/netbackup", rolePage)
	}
}
