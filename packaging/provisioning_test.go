package packaging_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// dataSources and dashboardProviders are Grafana's files, with the fields that its documentation names
// (grafana.com/docs/grafana/latest/administration/provisioning) and that are used here.
type dataSources struct {
	APIVersion  int `yaml:"apiVersion"`
	Datasources []struct {
		Name, UID, Type, Access, URL string
		JSONData                     struct {
			TimeInterval string `yaml:"timeInterval"`
		} `yaml:"jsonData"`
	}
}

type dashboardProviders struct {
	APIVersion int `yaml:"apiVersion"`
	Providers  []struct {
		Name, Folder, Type string
		Options            struct{ Path string }
	}
}

func strictly(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

// Grafana loads the data source and the dashboards by the files that are installed, and the dashboards find the data source by its type.
func TestGrafanaIsProvisioned(t *testing.T) {
	var sources dataSources
	strictly(t, "provisioning/grafana-datasource.yaml", &sources)
	if len(sources.Datasources) != 1 || sources.APIVersion != 1 {
		t.Fatalf("%+v", sources)
	}
	source := sources.Datasources[0]
	interval, err := time.ParseDuration(source.JSONData.TimeInterval)
	if source.Type != "prometheus" || source.Access != "proxy" || source.URL != "http://localhost:9090" || err != nil || interval != time.Minute {
		t.Errorf("%+v, %v", source, err)
	}
	var providers dashboardProviders
	strictly(t, "provisioning/grafana-dashboards.yaml", &providers)
	if len(providers.Providers) != 1 || providers.APIVersion != 1 || providers.Providers[0].Type != "file" {
		t.Fatalf("%+v", providers)
	}
	boards, err := filepath.Glob(filepath.Join(installed(t, providers.Providers[0].Options.Path), "*.json"))
	if err != nil || len(boards) < 5 {
		t.Fatalf("%q, %v", boards, err)
	}
	titles, ids := map[string]bool{}, map[string]bool{}
	for _, path := range boards {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Title, UID string
			Templating struct {
				List []struct{ Name, Type, Query any }
			}
		}
		if err := json.Unmarshal(b, &board); err != nil {
			t.Fatal(err)
		}
		if v := board.Templating.List[0]; v.Type != "datasource" || v.Query != source.Type {
			t.Errorf("%s chooses its data source by %+v", path, v)
		}
		if ids[board.UID] || board.UID == "" {
			t.Errorf("%s has the uid %q of another", path, board.UID)
		}
		titles[board.Title], ids[board.UID] = true, true
	}
	for _, m := range regexp.MustCompile(`dashboard \*(.*?)\*`).FindAllStringSubmatch(pages(t)["../docs/first-picture.md"], -1) {
		if !titles[m[1]] {
			t.Errorf("the chapter names the dashboard %q", m[1])
		}
	}
}

// installed is where a path of the installed system is in the checkout, as packaging/build copies it.
func installed(t *testing.T, path string) string {
	t.Helper()
	below, found := strings.CutPrefix(path, "/usr/share/backwire/")
	if !found {
		t.Fatalf("%s is not below /usr/share/backwire", path)
	}
	return below
}

// What documents and installed files name below /usr/share/backwire is there.
func TestInstalledPathsAreThere(t *testing.T) {
	texts := pages(t)
	files, err := filepath.Glob("provisioning/*")
	if err != nil || len(files) < 4 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(b)
	}
	named := 0
	for page, text := range texts {
		for _, path := range regexp.MustCompile(`/usr/share/backwire/[a-z./_-]*[a-z]`).FindAllString(text, -1) {
			named++
			if _, err := os.Stat(installed(t, path)); err != nil {
				t.Errorf("%s names %s: %v", page, path, err)
			}
		}
	}
	if named < 8 {
		t.Errorf("%d paths were found", named)
	}
	build, err := os.ReadFile("build")
	if err != nil || !strings.Contains(string(build), "packaging/grafana/*.json packaging/rules/*.yaml packaging/provisioning/*;") {
		t.Error("packaging/build does not copy these files", err)
	}
}
