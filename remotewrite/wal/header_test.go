package wal_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

// goldenFiles are what twoSegments and a cursor stored three times leave.
var goldenFiles = []string{segment(1), segment(2), "cursors/cloud"}

// TestFormat pins every byte on disk: what this program writes today is what
// was written yesterday. A new format needs a new version and new files.
func TestFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // for the time in the headers
		dir, _ := twoSegments(t)
		c := openCursor(t, dir)
		for offset := range uint64(3) {
			if err := c.Store(wal.Position{Segment: 2, Offset: 100 + offset}); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range goldenFiles {
			golden(t, name, dir.Content(name))
		}
	})
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "v1", filepath.Base(name))
	if *updateFlag {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%x\nand was\n%x", name, got, want)
	}
}

// TestFormatIsRead reads the files of yesterday.
func TestFormatIsRead(t *testing.T) {
	dir := crashfs.New()
	for _, name := range goldenFiles {
		content, err := os.ReadFile(filepath.Join("testdata", "v1", filepath.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		dir.Put(name, content)
	}
	log, rec := open(t, dir)
	got, damages := drain(t, log.Reader(wal.Position{}))
	if want := "[a head a one a two b head b one b two]"; fmt.Sprint(got) != want || len(damages) > 0 || !rec.Appendable {
		t.Errorf("read %q, %v, recovery %+v", got, damages, rec)
	}
	if created := log.Segments()[1].Created; created.Year() != 2000 {
		t.Errorf("created %v", created)
	}
	if pos, err := wal.ReadCursor(dir, "cloud"); pos != (wal.Position{Segment: 2, Offset: 102}) || err != nil {
		t.Errorf("cursor %v, %v", pos, err)
	}
}
