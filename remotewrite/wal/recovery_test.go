package wal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

// TestEveryCrashPoint ends small histories at each operation, in every way, and
// recovery itself at each of its operations again.
func TestEveryCrashPoint(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, steps := range []string{"", "a", "aaac", "acRac", "aRaRxac", "aacRRcxxa"} {
		for point := 0; ; point++ {
			dir, h := crashfs.New(), newHistory()
			dir.Inject(crashfs.Fault{Ops: crashfs.Change, After: point, Crash: true})
			if err := h.live(dir, steps); err == nil {
				break
			}
			for _, state := range futures(dir, rng) {
				h.label = fmt.Sprintf("steps %q, operation %d, %s", steps, point, state.name)
				h.clone().check(t, state.dir.Kill())
				crashAgain(t, h, state.dir, rng)
			}
		}
	}
}

// crashAgain goes on from a crash, and crashes at each operation of the next life.
func crashAgain(t *testing.T, before *history, state *crashfs.FS, rng *rand.Rand) {
	t.Helper()
	for point := 0; ; point++ {
		dir, h := state.Kill(), before.clone()
		dir.Inject(crashfs.Fault{Ops: crashfs.Change, After: point, Crash: true})
		err := h.live(dir, "acRa")
		for _, after := range futures(dir, rng) {
			h.label = fmt.Sprintf("%s, then operation %d, %s", before.label, point, after.name)
			h.check(t, after.dir)
		}
		if err == nil {
			return
		}
	}
}

// TestLongHistories plays long random histories with failing writes and syncs,
// full disks and crashes. It prints its seed; -wal.seed repeats it.
func TestLongHistories(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if *seedFlag != 0 {
		seed = *seedFlag
	}
	t.Logf("seed %d", seed)
	for run := range *runsFlag {
		rng := rand.New(rand.NewPCG(seed, uint64(run)))
		dir, h := crashfs.New(), newHistory()
		for range 1 + rng.IntN(6) {
			trouble(dir, rng)
			if err := h.live(dir, randomSteps(rng)); err != nil && !isTrouble(err) {
				t.Fatalf("run %d: %v", run, err)
			}
			if rng.IntN(2) == 0 {
				dir = dir.Kill()
			} else {
				dir = dir.Restart(crashfs.Keep(rng.IntN(4)), rng)
			}
			h.label = fmt.Sprintf("run %d, life %d", run, h.life)
			h.check(t, dir.Kill())
		}
	}
}

func isTrouble(err error) bool {
	return errors.Is(err, crashfs.ErrCrashed) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC)
}

func trouble(dir *crashfs.FS, rng *rand.Rand) {
	for range rng.IntN(4) {
		kinds := []crashfs.Op{crashfs.Write, crashfs.Sync, crashfs.SyncDir, crashfs.Create, crashfs.Remove, crashfs.Truncate, crashfs.Change}
		dir.Inject(crashfs.Fault{
			Ops:     kinds[rng.IntN(len(kinds))],
			After:   rng.IntN(60),
			Err:     []error{syscall.EIO, syscall.ENOSPC}[rng.IntN(2)],
			Sticky:  rng.IntN(4) == 0,
			Written: rng.IntN(101),
		})
	}
	if rng.IntN(3) == 0 {
		dir.SetSpace(int64(rng.IntN(40_000)))
	}
	dir.Inject(crashfs.Fault{Ops: crashfs.Change, After: rng.IntN(150), Crash: true})
}

func randomSteps(rng *rand.Rand) string {
	var steps strings.Builder
	for range rng.IntN(80) {
		steps.WriteByte("aaaaaaaaccRx"[rng.IntN(12)])
	}
	return steps.String()
}

// TestOpenMakesDurableWhatItReads: after a failed sync the system shows bytes
// that no later sync writes. What readers see after Open is on the disk.
func TestOpenMakesDurableWhatItReads(t *testing.T) {
	eio := func(op crashfs.Op, after int) crashfs.Fault {
		return crashfs.Fault{Ops: op, After: after, Err: syscall.EIO, Sticky: true}
	}
	for name, write := range map[string]func(*wal.Log) error{
		"record": func(l *wal.Log) error { _, err := l.Append([]byte("unsynced")); return err },
		"head":   func(l *wal.Log) error { return l.Roll([]byte("unsynced")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := crashfs.New()
			log, _ := open(t, dir)
			mustRoll(t, log, "head")
			dir.Inject(eio(crashfs.Sync, 0))
			dir.Inject(eio(crashfs.Truncate|crashfs.Remove, 0))
			if err := write(log); !errors.Is(err, syscall.EIO) {
				t.Fatalf("write with a failing sync: %v", err)
			}
			dir = dir.Kill()
			log, _ = open(t, dir)
			got, _ := drain(t, log.Reader(wal.Position{}))
			log, _ = open(t, dir.Restart(crashfs.KeepNone, rand.New(rand.NewPCG(0, 0))))
			after, damages := drain(t, log.Reader(wal.Position{}))
			if want := "[head unsynced]"; fmt.Sprint(got) != want || fmt.Sprint(after) != want || len(damages) > 0 {
				t.Errorf("read %q, and %q, %v after the power was lost", got, after, damages)
			}
		})
	}
}

// TestTornTail cuts a log at every length: what was whole is delivered, the
// rest is cut off, and the log goes on.
func TestTornTail(t *testing.T) {
	whole, starts := twoSegments(t)
	name := segment(2)
	content := whole.Content(name)
	for length := range content {
		dir := whole.Kill()
		dir.Put(name, content[:length])
		want := starts.before(length)
		log, rec := open(t, dir)
		if _, damages := drain(t, log.Reader(wal.Position{})); len(damages) > 0 {
			t.Fatalf("cut at %d: %v", length, damages)
		}
		if end := starts.end(length); end == 0 {
			if len(rec.Removed) != 1 || rec.Removed[0] != 2 || dir.Content(name) != nil {
				t.Fatalf("cut at %d: a segment without a head: %+v", length, rec)
			}
		} else if tail := length - end; tail > 0 && (rec.Cut == nil || rec.Cut.Bytes != uint64(tail) || len(dir.Content(name)) != end) {
			t.Fatalf("cut at %d: %d bytes are behind the last record: %+v", length, tail, rec.Cut)
		}
		if !rec.Appendable {
			t.Fatalf("cut at %d: %v", length, rec.Reason)
		}
		mustAppend(t, log, "more")
		log, _ = open(t, dir)
		got, damages := drain(t, log.Reader(wal.Position{}))
		if fmt.Sprint(got) != fmt.Sprint(append(want, "more")) || len(damages) > 0 {
			t.Fatalf("cut at %d: read %q, %v, want %q", length, got, damages, want)
		}
	}
}

// TestEveryBit flips each bit of each segment: what is undamaged is delivered,
// what is lost is counted, and the log goes on.
func TestEveryBit(t *testing.T) {
	whole, starts := twoSegments(t)
	for _, number := range []uint64{1, 2} {
		content := whole.Content(segment(number))
		for bit := range len(content) * 8 {
			dir := whole.Kill()
			flipped := bytes.Clone(content)
			flipped[bit/8] ^= 1 << (bit % 8)
			dir.Put(segment(number), flipped)
			want := starts.without(number, bit/8)
			label := fmt.Sprintf("segment %d, bit %d", number, bit)
			lost := len(starts.records) - len(want)
			if number == 2 {
				checkNewest(t, dir.Kill(), lost, label)
			}
			checkFlipped(t, dir, want, lost, label)
		}
	}
}

// checkNewest checks what Open says of a damaged newest segment.
func checkNewest(t *testing.T, dir *crashfs.FS, lost int, label string) {
	t.Helper()
	_, rec := open(t, dir)
	if rec.Appendable || len(rec.Damages) != 1 || rec.Damages[0].Segment != 2 || rec.Damages[0].Lost != uint64(lost) {
		t.Fatalf("%s: %d records are lost, recovery says %+v", label, lost, rec)
	}
}

func checkFlipped(t *testing.T, dir *crashfs.FS, want []string, lost int, label string) {
	t.Helper()
	for range 2 { // the second time after the log has gone on
		log, rec := open(t, dir)
		got, damages := drain(t, log.Reader(wal.Position{}))
		var counted int
		for _, d := range damages {
			counted += int(d.Lost)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || counted != lost || len(damages) != 1 {
			t.Fatalf("%s: read %q, want %q; %d of %d lost records counted: %v", label, got, want, counted, lost, damages)
		}
		if !rec.Appendable {
			mustRoll(t, log, "new")
		} else {
			mustAppend(t, log, "new")
		}
		want = append(want, "new")
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestIllegibleNewest: a segment of which nothing can be read is kept, counts as
// one record at least, and its numbers are not used again.
func TestIllegibleNewest(t *testing.T) {
	dir, _ := twoSegments(t)
	dir.Put(segment(2), bytes.Repeat([]byte{'x'}, 500))
	log, rec := open(t, dir)
	if rec.Appendable || len(rec.Removed) > 0 || log.End() != (wal.Position{Segment: 2, Offset: 500}) {
		t.Fatalf("recovery %+v, end %v", rec, log.End())
	}
	mustRoll(t, log, "c head")
	records, lost, err := readAll(log.Reader(wal.Position{}))
	if err != nil || lost != 1 || len(records) != 4 {
		t.Fatalf("read %d records, lost %d, %v", len(records), lost, err)
	}
	if last := records[3]; last.Seq != 5 || last.Pos.Segment != 3 {
		t.Errorf("the log goes on with record %d in %v", last.Seq, last.Pos)
	}
}

// TestBadTail: whole records that went bad, and a block that cannot be read, are
// not a torn tail: nothing is cut, and each record whose header is good counts.
func TestBadTail(t *testing.T) {
	dir, at := twoSegments(t)
	content := dir.Content(segment(2))
	for _, rec := range at.records[4:] {
		content[rec.Next.Offset-1] ^= 1
	}
	dir.Put(segment(2), content)
	log, rec := open(t, dir)
	if rec.Appendable || rec.Cut != nil || len(rec.Damages) != 1 || rec.Damages[0].Lost != 2 || log.SegmentBytes() != int64(len(content)) {
		t.Errorf("bad records: %+v", rec)
	}

	dir, at = twoSegments(t)
	dir.Put(segment(2), append(dir.Content(segment(2))[:at.records[4].Pos.Offset], make([]byte, 5000)...))
	dir.BadBlock(segment(2), 4096)
	if _, rec := open(t, dir); rec.Appendable || rec.Cut != nil || len(rec.Damages) != 1 {
		t.Errorf("a block that cannot be read: %+v", rec)
	}
}

// TestForeignSegment: a file under another segment's name is not that segment.
func TestForeignSegment(t *testing.T) {
	dir, _ := twoSegments(t)
	dir.Put(segment(2), dir.Content(segment(1)))
	log, rec := open(t, dir)
	if err := log.Segments()[1].Err; rec.Appendable || !errors.Is(err, wal.ErrCorrupt) {
		t.Errorf("recovery %+v, header: %v", rec, err)
	}
}

// TestCursorBeyondTheLog: if the disk lost what a cursor has passed, the place
// is not used again, or the cursor would pass over new records.
func TestCursorBeyondTheLog(t *testing.T) {
	dir, at := twoSegments(t)
	cursor, err := wal.OpenCursor(dir, "endpoint")
	if err != nil {
		t.Fatal(err)
	}
	last := at.records[len(at.records)-1]
	if err := cursor.Store(last.Next); err != nil {
		t.Fatal(err)
	}
	dir.Put(segment(2), dir.Content(segment(2))[:last.Pos.Offset])
	log, rec := open(t, dir)
	if rec.Appendable || !errors.Is(rec.Reason, wal.ErrBeyond) {
		t.Fatalf("recovery %+v", rec)
	}
	reader := log.Reader(last.Next)
	mustRoll(t, log, "c head")
	got, damages := drain(t, reader)
	if fmt.Sprint(got) != "[c head]" || len(damages) != 1 || !errors.Is(damages[0], wal.ErrBeyond) {
		t.Errorf("read %q, %v", got, damages)
	}
}

// TestSegmentsGone: a log whose segments were deleted by hand does not use
// numbers that its cursors know.
func TestSegmentsGone(t *testing.T) {
	dir := crashfs.New()
	cursor, err := wal.OpenCursor(dir, "endpoint")
	if err != nil {
		t.Fatal(err)
	}
	if err := cursor.Store(wal.Position{Segment: 7, Offset: 100}); err != nil {
		t.Fatal(err)
	}
	log, _ := open(t, dir)
	reader := log.Reader(wal.Position{Segment: 7, Offset: 100})
	mustRoll(t, log, "head")
	if end := log.End(); end.Segment != 8 {
		t.Errorf("the new segment is %d", end.Segment)
	}
	if got, damages := drain(t, reader); fmt.Sprint(got) != "[head]" || len(damages) != 1 {
		t.Errorf("read %q, %v", got, damages)
	}
}

// TestUnknownVersion: a newest segment of a newer program stops Open; an older
// one costs what is in it.
func TestUnknownVersion(t *testing.T) {
	dir, _ := twoSegments(t)
	known := dir.Content(segment(2))
	dir.Put(segment(2), newerVersion(bytes.Clone(known)))
	_, _, err := wal.Open(dir, wal.Options{})
	if version, ok := errors.AsType[*wal.VersionError](err); !ok || version.File != segment(2) || version.Version != 2 {
		t.Errorf("newest segment: %v", err)
	}

	dir.Put(segment(2), known)
	log, _ := open(t, dir)
	mustRoll(t, log, "c head")
	dir.Put(segment(2), newerVersion(bytes.Clone(known)))
	log, _ = open(t, dir)
	got, damages := drain(t, log.Reader(wal.Position{}))
	if len(got) != 4 || len(damages) != 1 || damages[0].Lost != 3 {
		t.Fatalf("older segment: read %q, %v", got, damages)
	}
	if version, ok := errors.AsType[*wal.VersionError](damages[0]); !ok || version.File != segment(2) {
		t.Errorf("older segment: %v", damages[0])
	}
}

func newerVersion(content []byte) []byte {
	content[8] = 2
	sum := crc32.Checksum(content[:60], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(content[60:], sum)
	return content
}

// TestUnknownFiles are left alone, and named once.
func TestUnknownFiles(t *testing.T) {
	dir, _ := twoSegments(t)
	dir.Put("notes.txt", []byte("mine"))
	dir.Put("3.seg", nil)
	dir.Put("lock", nil)
	dir.Put("neighbour", nil)
	var out bytes.Buffer
	o := wal.Options{Logger: slog.New(slog.NewTextHandler(&out, nil)), Others: []string{"neighbour"}}
	if _, _, err := wal.Open(dir, o); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "[3.seg notes.txt]") {
		t.Errorf("logged %q", text)
	}
	if dir.Content("notes.txt") == nil {
		t.Error("an unknown file is gone")
	}
}

// TestReadOnly changes nothing, whatever there is to mend.
func TestReadOnly(t *testing.T) {
	dir, at := twoSegments(t)
	last := at.records[len(at.records)-1]
	dir.Put(segment(2), dir.Content(segment(2))[:last.Next.Offset-1])
	dir.Put(segment(3), nil)
	dir.Inject(crashfs.Fault{Ops: crashfs.Change | crashfs.Open, Err: syscall.EROFS, Sticky: true})
	ops := dir.Ops()
	log, rec, err := wal.Open(dir, wal.Options{ReadOnly: true})
	if err != nil || !errors.Is(rec.Reason, wal.ErrReadOnly) || rec.Cut == nil {
		t.Fatalf("%+v, %v", rec, err)
	}
	if got, _ := drain(t, log.Reader(wal.Position{})); len(got) != 5 {
		t.Errorf("read %q", got)
	}
	_, err = log.Append(nil)
	for _, err := range []error{err, log.Roll(nil), log.Remove(1)} {
		if !errors.Is(err, wal.ErrReadOnly) {
			t.Errorf("changed a log that is read only: %v", err)
		}
	}
	if dir.Ops() != ops {
		t.Errorf("tried to change the disk %d times", dir.Ops()-ops)
	}
}

// layout is where the records of a log of two segments stand.
type layout struct{ records []wal.Record }

// twoSegments returns a log of two segments with three records each.
func twoSegments(tb testing.TB) (*crashfs.FS, layout) {
	tb.Helper()
	dir := crashfs.New()
	log, _ := open(tb, dir)
	for _, name := range []string{"a", "b"} {
		mustRoll(tb, log, name+" head")
		mustAppend(tb, log, name+" one")
		mustAppend(tb, log, name+" two")
	}
	records, _, err := readAll(log.Reader(wal.Position{}))
	if err != nil {
		tb.Fatal(err)
	}
	return dir, layout{records: records}
}

// before are the records left when segment 2 ends at length.
func (l layout) before(length int) (payloads []string) {
	for _, rec := range l.records {
		if rec.Pos.Segment == 1 || rec.Next.Offset <= uint64(length) {
			payloads = append(payloads, string(rec.Payload))
		}
	}
	return payloads
}

// end is where the last of them ends, 0 if there is none in segment 2.
func (l layout) end(length int) (end int) {
	for _, rec := range l.records {
		if rec.Pos.Segment == 2 && rec.Next.Offset <= uint64(length) {
			end = int(rec.Next.Offset)
		}
	}
	return end
}

// without are the records left when a byte of a segment is damaged.
func (l layout) without(segment uint64, offset int) (payloads []string) {
	for _, rec := range l.records {
		at := uint64(offset)
		if rec.Pos.Segment != segment || at < rec.Pos.Offset || at >= rec.Next.Offset {
			payloads = append(payloads, string(rec.Payload))
		}
	}
	return payloads
}

func segment(number uint64) string { return fmt.Sprintf("%020d.seg", number) }

// TestOpenPastAReadError: what cannot be read once at the start costs nothing, wherever it is met.
func TestOpenPastAReadError(t *testing.T) { synctest.Test(t, testOpenPastAReadError) }

func testOpenPastAReadError(t *testing.T) {
	whole, at := twoSegments(t)
	for after := range 20 {
		dir := whole.Kill()
		dir.Inject(crashfs.Fault{Ops: crashfs.Read, After: after, Err: syscall.EIO})
		log, rec := open(t, dir)
		if !rec.Appendable {
			t.Errorf("read %d: %+v", after, rec)
		}
		if got, damages := drain(t, log.Reader(wal.Position{})); len(got) != len(at.records) || len(damages) > 0 {
			t.Errorf("read %d: %q, %v", after, got, damages)
		}
	}
}

// TestKnownExtent: where the newest segments are gone, numbers go on behind them, and readers say what is missing.
func TestKnownExtent(t *testing.T) {
	dir, at := twoSegments(t)
	known := wal.Extent{Segment: 5, Seq: 40}
	log, rec, err := wal.Open(dir, wal.Options{Known: known})
	if err != nil || rec.Appendable || !errors.Is(rec.Reason, wal.ErrMissing) {
		t.Fatalf("open: %+v, %v", rec, err)
	}
	mustRoll(t, log, "head")
	if got := log.Extent(); got != (wal.Extent{Segment: 6, Seq: 41}) {
		t.Errorf("goes on at %v", got)
	}
	last := at.records[len(at.records)-1].Seq
	if _, damages := drain(t, log.Reader(wal.Position{})); len(damages) != 1 || damages[0].Lost != 40-last {
		t.Errorf("damages %v, want %d records missing", damages, 40-last)
	}
	log, _, err = wal.Open(crashfs.New(), wal.Options{Known: known})
	if err != nil {
		t.Fatal(err)
	}
	mustRoll(t, log, "head")
	if got := log.Extent(); got != (wal.Extent{Segment: 6, Seq: 41}) {
		t.Errorf("an empty log goes on at %v", got)
	}
}
