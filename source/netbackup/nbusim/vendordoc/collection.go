package vendordoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"gopkg.in/yaml.v3"
)

// ErrUndescribed is what a path or method answers that no document describes.
var ErrUndescribed = errors.New("no document describes it")

// errElsewhere is a path whose answers are described in a file that the collection lacks.
var errElsewhere = errors.New("described in another file")

// The media type version of each release in the collection.
func releases() map[string]string {
	return map[string]string{"10.0": "10.3", "12.0": "10.5", "13.0": "11.0", "14.0": "11.2"}
}

// Collection is the vendor's documents in a directory. It is safe for concurrent use.
type Collection struct {
	dir string

	mu     sync.Mutex
	index  map[string][]entry    // by release
	roots  map[string]*yaml.Node // parsed files
	routes map[string]*routers.Route
	holes  map[entry]bool // described elsewhere
}

// entry is one path of one file.
type entry struct {
	path string // a template
	file string
}

// Open reads nothing yet.
func Open(dir string) *Collection {
	return &Collection{dir: dir, index: map[string][]entry{}, roots: map[string]*yaml.Node{}, routes: map[string]*routers.Route{}, holes: map[entry]bool{}}
}

// route finds the operation for a path in a media type version ("13.0").
func (c *Collection) route(version, method, path string) (*routers.Route, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	item, err := c.item(version, path)
	if err != nil {
		return nil, err
	}
	op := item.PathItem.GetOperation(method)
	if op == nil {
		return nil, fmt.Errorf("%s %s: %w", method, item.Path, ErrUndescribed)
	}
	found := *item
	found.Method, found.Operation = method, op
	return &found, nil
}

// item finds what is described of a path; c.mu is held.
func (c *Collection) item(version, path string) (*routers.Route, error) {
	e, from, err := c.find(version, path)
	if err != nil {
		return nil, err
	}
	key := version + " " + e.path
	if item := c.routes[key]; item != nil {
		return item, nil
	}
	item, err := c.load(e, from, version)
	if errors.Is(err, errElsewhere) {
		c.holes[e] = true
		return c.item(version, path)
	}
	if err != nil {
		return nil, err
	}
	c.routes[key] = item
	return item, nil
}

// find looks in the release itself and then in the others, the newest first; from is the version of
// the release that has it. A path that is described in part everywhere is taken for what there is.
func (c *Collection) find(version, path string) (e entry, from string, err error) {
	if releases()[version] == "" {
		return e, "", fmt.Errorf("media type version %s: %w", version, ErrUndescribed)
	}
	others := slices.Sorted(maps.Keys(releases()))
	slices.Reverse(others)
	for _, holes := range []bool{false, true} {
		for _, v := range append([]string{version}, others...) {
			entries, err := c.entries(releases()[v])
			if err != nil {
				return e, "", err
			}
			i := slices.IndexFunc(entries, func(e entry) bool { return e.matches(path) && c.holes[e] == holes })
			if i >= 0 {
				return entries[i], v, nil
			}
		}
	}
	return e, "", fmt.Errorf("%s: %w", path, ErrUndescribed)
}

func (e entry) matches(path string) bool {
	want, got := strings.Split(e.path, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}

// entries lists the paths of a release, those without a template first, by the lines that name them.
func (c *Collection) entries(release string) ([]entry, error) {
	if known, ok := c.index[release]; ok {
		return known, nil
	}
	files, err := filepath.Glob(filepath.Join(c.dir, release, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("list the documents of %s in %s: %w", release, c.dir, errors.Join(err, os.ErrNotExist))
	}
	var entries []entry
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read a document: %w", err)
		}
		for line := range bytes.Lines(b) {
			if path, ok := pathIn(line); ok {
				entries = append(entries, entry{path, f})
			}
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return strings.Count(a.path, "{") - strings.Count(b.path, "{")
	})
	c.index[release] = entries
	return entries, nil
}

// pathIn reads a line that names a path: two spaces, the path, quoted if it is a template, and a colon.
func pathIn(line []byte) (string, bool) {
	name, found := bytes.CutSuffix(bytes.TrimRight(line, "\r\n"), []byte(":"))
	name, indented := bytes.CutPrefix(name, []byte("  "))
	name = bytes.Trim(name, "'")
	return string(name), found && indented && bytes.HasPrefix(name, []byte("/"))
}

// load makes a document of one path alone.
func (c *Collection) load(e entry, from, version string) (*routers.Route, error) {
	item, components, err := c.pathItem(e)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", e.path, e.file, err)
	}
	document := map[string]any{
		"openapi": "3.0.0", "info": map[string]any{"title": "one path", "version": version},
		"paths": map[string]any{e.path: lenient(item)},
	}
	if c.holes[e] {
		document["components"] = lenient(components)
		document = withoutOtherFiles(document).(map[string]any)
	}
	whole, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", e.path, e.file, err)
	}
	if bytes.Contains(whole, []byte(`"$ref":"./`)) {
		return nil, fmt.Errorf("read %s of %s: %w", e.path, e.file, errElsewhere)
	}
	whole = bytes.ReplaceAll(whole, []byte(";version="+from), []byte(";version="+version))
	spec := &openapi3.T{}
	if err := json.Unmarshal(whole, spec); err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", e.path, e.file, err)
	}
	if err := openapi3.NewLoader().ResolveRefsIn(spec, nil); err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", e.path, e.file, err)
	}
	return &routers.Route{Spec: spec, Path: e.path, PathItem: spec.Paths.Value(e.path)}, nil
}

// withoutOtherFiles leaves open what is described in files that the collection lacks.
func withoutOtherFiles(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withoutOtherFiles(v[i])
		}
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && strings.HasPrefix(ref, "./") {
			return map[string]any{"description": "in another file"}
		}
		for key := range v {
			v[key] = withoutOtherFiles(v[key])
		}
	}
	return v
}

// pathItem decodes one path, and what the whole file shares.
func (c *Collection) pathItem(e entry) (item, components any, err error) {
	root := c.roots[e.file]
	if root == nil {
		b, err := os.ReadFile(e.file)
		if err != nil {
			return nil, nil, err
		}
		root = &yaml.Node{}
		if err := yaml.Unmarshal(b, root); err != nil {
			return nil, nil, err
		}
		c.roots[e.file] = root
	}
	node := child(child(root.Content[0], "paths"), e.path)
	if node == nil {
		return nil, nil, ErrUndescribed
	}
	if shared := child(root.Content[0], "components"); shared != nil && c.holes[e] {
		err = shared.Decode(&components)
	}
	err = errors.Join(err, node.Decode(&item))
	return item, components, err
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// lenient makes the patches that the package comment lists.
func lenient(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = lenient(v[i])
		}
		return v
	case map[string]any:
		return lenientObject(v)
	}
	return v
}

func lenientObject(m map[string]any) any {
	_, isProperties := m["properties"].(map[string]any)
	for key, v := range m {
		m[key] = lenient(v)
	}
	// Under "properties" the words are names of attributes; a schema or a media type has
	// one of these besides.
	_, typed := m["type"].(string)
	_, schemed := m["schema"]
	if typed || schemed || isProperties {
		delete(m, "example")
		delete(m, "examples")
		delete(m, "default")
	}
	if alternatives, ok := m["oneOf"].([]any); ok {
		delete(m, "oneOf")
		m["anyOf"] = alternatives
	}
	return m
}
