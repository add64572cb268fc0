package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var quotedCommand = regexp.MustCompile("(?m)(?:`|^\\s*)backwire ((?:[a-z-]+ ?)+)")

// A command that a document tells people to run is there.
func TestDocumentsNameCommandsThatThereAre(t *testing.T) {
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	root := newRoot(&shell{})
	root.InitDefaultHelpCmd()
	seen := map[string]bool{}
	for _, path := range append(paths, "../../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quotedCommand.FindAllStringSubmatch(commandsOnly(string(text)), -1) {
			found, rest, err := root.Find(strings.Fields(m[1]))
			if err != nil || found == root || (len(rest) > 0 && found.HasSubCommands()) {
				t.Errorf("%s names the command %q", path, m[1])
			}
			seen[found.CommandPath()] = true
		}
	}
	if len(seen) < 8 {
		t.Errorf("%d commands were found in the documents", len(seen))
	}
}

// commandsOnly leaves code: what is between backticks, and the lines of blocks.
func commandsOnly(text string) string {
	return strings.Join(regexp.MustCompile("(?s)```.*?```|`[^`\n]+`").FindAllString(text, -1), "\n")
}
