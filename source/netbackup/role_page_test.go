package netbackup

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"backwire/source/collect"
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
			if c.Role.Lists {
				permission += " and the usual one"
			}
		}
		if c.Role.Of != "" {
			permission += ", and `" + c.Role.Of + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", strings.ReplaceAll(permission, "|", `\|`), c.Role.Screen, strings.Join(names, ", "), strings.Join(without, ", "))
	}
	return b.String()
}

// roles are two of them ready to paste: the least that answers whether backups ran, and all.
func roles() string {
	var b strings.Builder
	list := func(wanted func(collector) bool) {
		var lines []string
		for _, c := range collectors() {
			operations := []string{c.Role.Allows()}
			if c.Role.Lists {
				operations = append(operations, collect.Role{}.Allows())
			}
			needed := []string{}
			for _, operation := range operations {
				needed = append(needed, c.Role.Namespace+"  "+operation)
			}
			if c.Role.Of != "" {
				needed = append(needed, c.Role.Of+"  "+collect.Role{}.Allows())
			}
			for _, line := range needed {
				if wanted(c) && !slices.Contains(lines, line) {
					lines = append(lines, line)
				}
			}
		}
		slices.Sort(lines)
		fmt.Fprintf(&b, "\n```\n%s\n```\n", strings.Join(lines, "\n"))
	}
	least := []string{collectorJobs, collectorPolicies, collectorPaused, collectorServer}
	fmt.Fprintf(&b, "\nEach line is a namespace and the operation on it. The least role says whether backups ran, with `BACKWIRE_COLLECT=%s`:\n", strings.Join(least, ","))
	list(func(c collector) bool { return slices.Contains(least, c.Name) })
	b.WriteString("\nThe full role, for everything:\n")
	list(func(collector) bool { return true })
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
	const ready = "## Two roles\n"
	after, pasted, _ := strings.Cut(after, ready)
	_, last, _ := strings.Cut(pasted, "\n## ")
	want := before + head + permissions() + "\n" + after + ready + roles() + "\n## " + last
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
