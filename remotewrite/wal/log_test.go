package wal_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"backwire/remotewrite/wal"
)

// openDir opens a log in a directory of the real file system.
func openDir(tb testing.TB, path string) (*wal.Log, wal.Recovery) {
	tb.Helper()
	root, err := os.OpenRoot(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = root.Close() })
	return open(tb, wal.NewDir(root))
}

func open(tb testing.TB, dir wal.FS) (*wal.Log, wal.Recovery) {
	tb.Helper()
	log, rec, err := wal.Open(dir, wal.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = log.Close() })
	return log, rec
}

func mustRoll(tb testing.TB, log *wal.Log, head string) {
	tb.Helper()
	if err := log.Roll([]byte(head)); err != nil {
		tb.Fatal(err)
	}
}

func mustAppend(tb testing.TB, log *wal.Log, payload string) wal.Position {
	tb.Helper()
	pos, err := log.Append([]byte(payload))
	if err != nil {
		tb.Fatal(err)
	}
	return pos
}

// drain reads to the end of what is committed.
func drain(tb testing.TB, r *wal.Reader) (payloads []string, damages []*wal.Damage) {
	tb.Helper()
	for {
		rec, err := r.Next()
		if damage, ok := errors.AsType[*wal.Damage](err); ok {
			damages = append(damages, damage)
			continue
		}
		if err == io.EOF {
			return payloads, damages
		}
		if err != nil {
			tb.Fatal(err)
		}
		payloads = append(payloads, string(rec.Payload))
	}
}

func TestLogGoesOnAfterReopening(t *testing.T) {
	dir := t.TempDir()
	log, rec := openDir(t, dir)
	if rec.Appendable {
		t.Error("an empty log is appendable")
	}
	if _, err := log.Append(nil); !errors.Is(err, wal.ErrSealed) {
		t.Errorf("append before the first roll: %v", err)
	}
	mustRoll(t, log, "head 1")
	mustAppend(t, log, "a")
	mustAppend(t, log, "")
	mustRoll(t, log, "head 2")
	second := mustAppend(t, log, "b")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}

	log, rec = openDir(t, dir)
	if !rec.Appendable || rec.Cut != nil || len(rec.Damages) > 0 {
		t.Fatalf("recovery of a clean log: %+v", rec)
	}
	mustAppend(t, log, "c")
	want := []string{"head 1", "a", "", "head 2", "b", "c"}
	got, damages := drain(t, log.Reader(wal.Position{}))
	if fmt.Sprint(got) != fmt.Sprint(want) || len(damages) > 0 {
		t.Errorf("read %q, %v, want %q", got, damages, want)
	}
	if got, _ := drain(t, log.Reader(second)); fmt.Sprint(got) != "[b c]" {
		t.Errorf("read from %v: %q", second, got)
	}
	if infos := log.Segments(); len(infos) != 2 || infos[1].FirstSeq != 4 {
		t.Errorf("segments %+v", infos)
	}
}
