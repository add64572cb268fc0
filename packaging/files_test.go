package packaging_test

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"backwire/packaging/grafana"
	"backwire/packaging/rules"
)

var (
	documents = flag.String("documents", rules.Documents, "URL of the directory with the documents, to which alerts and dashboards lead")
	update    = flag.Bool("update", false, "write the files from the rules and the dashboards")
)

// What is installed is what the code says.
func TestFilesAreCurrent(t *testing.T) {
	for room, generate := range map[string]func(string) (map[string][]byte, error){"rules": rules.Files, "grafana": grafana.Files} {
		t.Run(room, func(t *testing.T) {
			files, err := generate(*documents)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range slices.Sorted(maps.Keys(files)) {
				isCurrent(t, filepath.Join(room, name), files[name])
			}
		})
	}
}

func isCurrent(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code says: make rules dashboards", path)
	}
}
