package queue

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
)

// Looking at a queue in use shows what the queue itself knows, takes no lock and changes no
// file.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	q := openDir(t, dir, Options{SegmentBytes: 4000, Endpoints: []string{"a", "b"}})
	a, b := mustSubscribe(t, q, "a"), mustSubscribe(t, q, "b")
	f := testkit.NewFleet("paris", 50, 0.3)
	testkit.Commit(t, q, f, 30)
	var w window.Window
	if err := errors.Join(a.Fill(&w, 320), a.Advance(&w, nil)); err != nil {
		t.Fatal(err)
	}
	testkit.Commit(t, q, f, 30)
	before := testkit.ContentOf(t, dir)
	stats := q.Stats()
	progress := int64(0)
	for name, look := range map[string]func() (Inspection, error){
		"inspect": func() (Inspection, error) { return Inspect(dir) },
		"verify": func() (Inspection, error) {
			return Verify(t.Context(), dir, func(done, total int64) {
				if done < progress || done > total {
					t.Errorf("progress %d of %d after %d", done, total, progress)
				}
				progress = done
			})
		},
	} {
		found, err := look()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var sum record.Totals
		var bytes int64
		for _, s := range found.Segments {
			sum = sum.Plus(s.Totals)
			bytes += s.Bytes
			if s.BytesPerSample() <= 0 || s.Series == 0 || s.Oldest == 0 || s.Newest < s.Oldest {
				t.Errorf("%s: segment %+v", name, s)
			}
		}
		if sum != stats.Written || bytes != stats.Bytes || len(found.Segments) < 3 || len(found.Damages) > 0 {
			t.Errorf("%s: %v in %d bytes, want %v in %d; damages %v", name, sum, bytes, stats.Written, stats.Bytes, found.Damages)
		}
		if !slices.Equal(SiteNames(found.Sites), []string{"paris"}) || len(found.Cursors) != 2 {
			t.Fatalf("%s: sites %v, cursors %v", name, found.Sites, found.Cursors)
		}
		for i, c := range found.Cursors {
			if c.Err != nil || c.Lag != stats.Cursors[i].Lag || c.Name != stats.Cursors[i].Endpoint {
				t.Errorf("%s: cursor %+v, want %+v", name, c, stats.Cursors[i])
			}
		}
	}
	if !maps.Equal(before, testkit.ContentOf(t, dir)) {
		t.Error("looking changed a file")
	}
	if err := errors.Join(a.Close(), b.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
}

// Verify finds every damaged byte of a queue, also where it costs nothing.
func TestVerifyFindsDamage(t *testing.T) {
	s := newSpecimen(t)
	for _, name := range s.names {
		for at := range s.places(name) {
			if at%7 != 0 && name != inventoryFile {
				continue
			}
			content := slices.Clone(s.files[name])
			content[at] ^= 0x10
			found, err := inspectLog(s.disk(name, content), true, func(int64, int64) {})
			if err != nil {
				t.Fatal(err)
			}
			if len(found.Damages) == 0 {
				t.Fatalf("%s at %d: no damage found", name, at)
			}
		}
	}
}
