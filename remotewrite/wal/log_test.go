package wal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
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
			if len(damages) > 1000 {
				tb.Fatalf("damage without an end: %v", damage)
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			return payloads, damages
		}
		if errors.Is(err, syscall.EIO) { // may pass: an endpoint tries again too
			time.Sleep(time.Second)
			continue
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

// TestSealed: a failed write, a short one and a failed sync each seal the
// segment; nothing of the failed record is seen, and Roll goes on.
func TestSealed(t *testing.T) {
	for name, fault := range map[string]crashfs.Fault{
		"write fails": {Ops: crashfs.Write, Err: syscall.EIO},
		"short write": {Ops: crashfs.Write, Err: syscall.ENOSPC, Written: 50},
		"whole write": {Ops: crashfs.Write, Err: syscall.EIO, Written: 100},
		"sync fails":  {Ops: crashfs.Sync, Err: syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			dir := crashfs.New()
			log, _ := open(t, dir)
			mustRoll(t, log, "head")
			end := log.End()
			dir.Inject(fault)
			for range 2 {
				if _, err := log.Append([]byte("lost")); !errors.Is(err, wal.ErrSealed) || !errors.Is(err, fault.Err) {
					t.Errorf("append: %v", err)
				}
			}
			if size := len(dir.Content(segment(1))); log.End() != end || size != int(end.Offset) {
				t.Errorf("sealed at %v, the file has %d bytes, the log had ended at %v", log.End(), size, end)
			}
			mustRoll(t, log, "head 2")
			mustAppend(t, log, "kept")
			if got, _ := drain(t, log.Reader(wal.Position{})); fmt.Sprint(got) != "[head head 2 kept]" {
				t.Errorf("read %q", got)
			}
		})
	}
}

// TestSealedUncut: leftovers that could not be cut off are not read, now or later.
func TestSealedUncut(t *testing.T) {
	dir := crashfs.New()
	log, _ := open(t, dir)
	mustRoll(t, log, "head")
	dir.Inject(crashfs.Fault{Ops: crashfs.Sync, Err: syscall.EIO})
	dir.Inject(crashfs.Fault{Ops: crashfs.Truncate, Err: syscall.EIO})
	if _, err := log.Append([]byte("lost")); err == nil {
		t.Fatal("appended without a sync")
	}
	mustRoll(t, log, "head 2")
	for _, log := range []*wal.Log{log, reopen(t, dir)} {
		if got, damages := drain(t, log.Reader(wal.Position{})); fmt.Sprint(got) != "[head head 2]" || len(damages) > 0 {
			t.Errorf("read %q, %v", got, damages)
		}
	}
}

func reopen(tb testing.TB, dir wal.FS) *wal.Log {
	tb.Helper()
	log, _ := open(tb, dir)
	return log
}

// TestFullDisk: appends and rolls fail cleanly, leave nothing behind, and heal
// by themselves.
func TestFullDisk(t *testing.T) {
	dir := crashfs.New()
	log, _ := open(t, dir)
	mustRoll(t, log, "head")
	mustAppend(t, log, "a")
	dir.SetSpace(10)
	if _, err := log.Append([]byte("b")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("append: %v", err)
	}
	for range 3 {
		if err := log.Roll([]byte("head 2")); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("roll: %v", err)
		}
		if names, _ := dir.List("."); len(names) != 1 {
			t.Errorf("left behind: %q", names)
		}
	}
	if _, err := log.Append([]byte("b")); !errors.Is(err, wal.ErrSealed) {
		t.Errorf("append to the sealed segment: %v", err)
	}
	dir.Heal()
	mustRoll(t, log, "head 2")
	mustAppend(t, log, "b")
	if got, damages := drain(t, reopen(t, dir).Reader(wal.Position{})); fmt.Sprint(got) != "[head a head 2 b]" || len(damages) > 0 {
		t.Errorf("read %q, %v", got, damages)
	}
}

// TestFailedRollLeavesTheSegment: if the half-made one is surely gone, appends go on.
func TestFailedRollLeavesTheSegment(t *testing.T) {
	dir := crashfs.New()
	log, _ := open(t, dir)
	mustRoll(t, log, "head")
	dir.Inject(crashfs.Fault{Ops: crashfs.Sync, Err: syscall.EIO})
	if err := log.Roll([]byte("head 2")); !errors.Is(err, syscall.EIO) {
		t.Errorf("roll: %v", err)
	}
	mustAppend(t, log, "a")
}

func TestTooLarge(t *testing.T) {
	dir := crashfs.New()
	log, _ := open(t, dir)
	mustRoll(t, log, "head")
	ops := dir.Ops()
	large := make([]byte, wal.MaxPayload+1)
	if _, err := log.Append(large); !errors.Is(err, wal.ErrTooLarge) || errors.Is(err, wal.ErrSealed) {
		t.Errorf("append: %v", err)
	}
	if err := log.Roll(large); !errors.Is(err, wal.ErrTooLarge) {
		t.Errorf("roll: %v", err)
	}
	if dir.Ops() != ops {
		t.Error("something was written")
	}
	mustAppend(t, log, "a")
}

func TestRemove(t *testing.T) {
	dir, _ := twoSegments(t)
	log, _ := open(t, dir)
	if err := log.Remove(2); !errors.Is(err, wal.ErrNewest) {
		t.Errorf("remove the newest: %v", err)
	}
	dir.Inject(crashfs.Fault{Ops: crashfs.Remove, Err: syscall.EACCES})
	if err := log.Remove(1); !errors.Is(err, syscall.EACCES) || len(log.Segments()) != 2 {
		t.Errorf("remove that fails: %v, segments %+v", err, log.Segments())
	}
	if err := log.Remove(1); err != nil || len(log.Segments()) != 1 || dir.Content(segment(1)) != nil {
		t.Errorf("remove: %v, segments %+v", err, log.Segments())
	}
	log, _ = open(t, dir.Restart(crashfs.KeepNone, rand.New(rand.NewPCG(0, 0))))
	if len(log.Segments()) != 1 {
		t.Error("a removed segment came back after the power was lost")
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, _ := open(t, crashfs.New())
		mustRoll(t, log, "head")
		start := log.End()
		if err := log.Wait(t.Context(), wal.Position{}); err != nil {
			t.Errorf("wait for what is there: %v", err)
		}
		done := make(chan error)
		go func() { done <- log.Wait(t.Context(), start) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("did not wait: %v", err)
		default:
		}
		mustAppend(t, log, "a")
		if err := <-done; err != nil {
			t.Errorf("wait: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- log.Wait(ctx, log.End()) }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("wait that is given up: %v", err)
		}
	})
}

func TestSegmentBytes(t *testing.T) {
	dir := crashfs.New()
	log, _ := open(t, dir)
	if log.SegmentBytes() != 0 || log.End() != (wal.Position{}) {
		t.Errorf("empty log: %d bytes, end %v", log.SegmentBytes(), log.End())
	}
	mustRoll(t, log, "head")
	mustAppend(t, log, "a")
	if got, want := log.SegmentBytes(), int64(len(dir.Content(segment(1)))); got != want {
		t.Errorf("%d bytes, the file has %d", got, want)
	}
}

func TestClosed(t *testing.T) {
	log, _ := open(t, crashfs.New())
	mustRoll(t, log, "head")
	for range 2 {
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Append(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("append: %v", err)
	}
	if err := log.Roll(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("roll: %v", err)
	}
}
