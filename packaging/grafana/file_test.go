package grafana

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"slices"
	"testing"
)

//go:generate go test -run TestFilesAreCurrent -update .

var update = flag.Bool("update", false, "write the files from the dashboards")

func TestFilesAreCurrent(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if *update {
			if err := os.WriteFile(path, files[path], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, files[path]) {
			t.Errorf("%s is not what the dashboards say: make dashboards", path)
		}
	}
}
