package packaging_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages are the README and the documents, by their paths from this package.
func pages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, path := range append(paths, "../README.md", "../ARCHITECTURE.md", "../CONTRIBUTING.md", "../SECURITY.md") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found[path] = string(b)
	}
	return found
}

var (
	link    = regexp.MustCompile(`\]\(([^)]+)\)`)
	heading = regexp.MustCompile("(?m)^#+ (.*)$")
	setting = regexp.MustCompile(`\bBACKWIRE_[A-Z0-9_]+\b`)
	metric  = regexp.MustCompile(`(?:^|[^:\w])(nbu_[a-z0-9_]+)\b[^:]`)
	message = regexp.MustCompile("(?m)^### `(.*)`$")
	right   = regexp.MustCompile(`\|[A-Z]+(?:\|[A-Z-]+)+\|`)
)

// Every link leads to a file, and to a heading in it. Every document can be reached from the index.
func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for path, text := range all {
		for _, l := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(l[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s leads to %s: %v", path, l[1], err)
			} else if anchor != "" && !slices.Contains(anchors(all[target]), anchor) {
				t.Errorf("%s leads to %s, where there is no such heading", path, l[1])
			}
		}
	}
	for path := range all {
		if name := filepath.Base(path); strings.HasPrefix(path, "../docs/") && name != "README.md" && !strings.Contains(all["../docs/README.md"], "("+name+")") {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
	if !strings.Contains(all["../README.md"], "(docs/README.md)") {
		t.Error("the README does not lead to the documents")
	}
}

// anchors are the headings as GitHub names them.
func anchors(text string) (names []string) {
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(h[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// Settings and metrics that a document names are there.
func TestDocumentsNameWhatThereIs(t *testing.T) {
	all := pages(t)
	known := knownNames(t)
	known["nbu_exporter"], known["nbu_version"] = true, true // a program and a label
	settings := all["../docs/configuration.md"]
	for path, text := range all {
		for _, name := range setting.FindAllString(text, -1) {
			bare := regexp.MustCompile(`_(PARIS|LYON|CLOUD|LOCAL)_`).ReplaceAllString(name, "_")
			if !strings.Contains(settings, "`"+bare+"`") && bare != "BACKWIRE_TEST_REQUIRE" && !strings.HasSuffix(bare, "_") {
				t.Errorf("%s names the setting %s", path, name)
			}
		}
		if strings.Contains(path, "migrate-from") {
			continue // its names are held by its own test
		}
		for _, m := range metric.FindAllStringSubmatch(text, -1) {
			if !known[m[1]] {
				t.Errorf("%s names the metric %s", path, m[1])
			}
		}
	}
}

// What the page quotes is what the programs say.
func TestTroubleshootingQuotesTheCode(t *testing.T) {
	code := sources(t)
	quoted := message.FindAllStringSubmatch(pages(t)["../docs/troubleshooting.md"], -1)
	if len(quoted) < 20 {
		t.Fatalf("%d messages were found on the page", len(quoted))
	}
	for _, m := range quoted {
		for part := range strings.SplitSeq(m[1], "…") {
			if !strings.Contains(code, part) {
				t.Errorf("nothing says %q any more", m[1])
			}
		}
	}
}

// sources are the string literals of what is shipped, those that are added up joined.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, room := range []string{"agent", "cmd/backwire", "remotewrite", "source"} {
		err := filepath.WalkDir(filepath.Join("..", room), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return regexp.MustCompile(`"\s*\+\s*"`).ReplaceAllString(all.String(), "")
}

// The permissions on the page are those that the check asks for.
func TestRoleNamesThePermissions(t *testing.T) {
	set := func(text string) []string {
		found := map[string]bool{}
		for _, p := range right.FindAllString(strings.ReplaceAll(text, `\|`, "|"), -1) {
			found[p] = p != "|OPERATIONS|VIEW|"
		}
		maps.DeleteFunc(found, func(_ string, counts bool) bool { return !counts })
		return slices.Sorted(maps.Keys(found))
	}
	files, err := filepath.Glob("../source/netbackup/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			code.Write(text)
		}
	}
	want := set(code.String())
	if got := set(pages(t)["../docs/netbackup-role.md"]); !slices.Equal(got, want) {
		t.Errorf("the page names %v, the check asks for %v", got, want)
	}
}
