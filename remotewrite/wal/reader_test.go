package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

// damaged opens a log after its segment was changed, and reads from a position.
func damaged(t *testing.T, dir *crashfs.FS, number uint64, change func([]byte), from wal.Position) ([]string, []*wal.Damage) {
	t.Helper()
	content := dir.Content(segment(number))
	change(content)
	dir.Put(segment(number), content)
	log, _ := open(t, dir)
	return drain(t, log.Reader(from))
}

// TestReaderFromEveryPosition reads on from each record's start and end, and
// from within a record: then from its start.
func TestReaderFromEveryPosition(t *testing.T) {
	dir, at := twoSegments(t)
	log, _ := open(t, dir)
	for i, rec := range at.records {
		for offset := rec.Pos.Offset; offset < rec.Next.Offset; offset++ {
			got, damages := drain(t, log.Reader(wal.Position{Segment: rec.Pos.Segment, Offset: offset}))
			if len(got) != len(at.records)-i || len(damages) > 0 {
				t.Fatalf("from %d in %v: %q, %v", offset, rec.Pos, got, damages)
			}
		}
		if got, _ := drain(t, log.Reader(rec.Next)); len(got) != len(at.records)-i-1 {
			t.Fatalf("behind %v: %q", rec.Pos, got)
		}
	}
}

// TestDamageIsCountedFromAnyPosition damages two records and reads from each
// position before them, also from the first damaged one.
func TestDamageIsCountedFromAnyPosition(t *testing.T) {
	whole, at := twoSegments(t)
	first, last := at.records[1], at.records[2] // the end of segment 1
	for i, rec := range at.records[:3] {
		got, damages := damaged(t, whole.Kill(), 1, func(b []byte) {
			clear(b[first.Pos.Offset:last.Next.Offset])
		}, rec.Pos)
		if len(damages) != 1 || len(got) != len(at.records)-2-min(i, 1) {
			t.Fatalf("from %v: %q, %v", rec.Pos, got, damages)
		}
		// From the second one too it is 2: what is not legible cannot be told apart.
		bytes := last.Next.Offset - max(first.Pos.Offset, rec.Pos.Offset)
		if d := damages[0]; d.Segment != 1 || d.Bytes != bytes || d.Lost != 2 || !errors.Is(d, wal.ErrCorrupt) {
			t.Errorf("from %v: %v", rec.Pos, d)
		}
	}
}

// TestDamageAtThePosition: the first record to be read is the bad one, and the
// position behind the damage is where reading goes on.
func TestDamageAtThePosition(t *testing.T) {
	whole, at := twoSegments(t)
	for i, rec := range at.records[:5] {
		from := rec.Pos
		if i == 0 {
			from = wal.Position{Segment: 9} // beyond the log: it begins again
		}
		dir := whole.Kill()
		content := dir.Content(segment(rec.Pos.Segment))
		clear(content[rec.Pos.Offset:rec.Next.Offset])
		dir.Put(segment(rec.Pos.Segment), content)
		log, _ := open(t, dir)
		r := log.Reader(from)
		_, err := r.Next()
		if damage, ok := errors.AsType[*wal.Damage](err); !ok || damage.Lost != 1 {
			t.Fatalf("record %d: %v", i, err)
		}
		if r.Position() != at.records[i+1].Pos {
			t.Errorf("record %d: reading goes on at %v", i, r.Position())
		}
		if rec, err := r.Next(); err != nil || string(rec.Payload) != string(at.records[i+1].Payload) {
			t.Errorf("record %d, then %q, %v", i, rec.Payload, err)
		}
	}
}

// TestLongDamage is longer than what is read at once: the next good frame is
// found wherever its marker stands.
func TestLongDamage(t *testing.T) {
	for size := 65_536 - 32; size <= 65_536; size++ {
		dir := crashfs.New()
		log, _ := open(t, dir)
		mustRoll(t, log, "head")
		pos := mustAppend(t, log, strings.Repeat("x", size))
		mustAppend(t, log, "after")
		got, damages := damaged(t, dir, 1, func(b []byte) { b[pos.Offset] ^= 1 }, wal.Position{})
		if fmt.Sprint(got) != "[head after]" || len(damages) != 1 || damages[0].Bytes != uint64(size)+24 {
			t.Errorf("%d bytes: read %q, %v", size, got, damages)
		}
	}
}

// TestShortFile: a segment that lost its end, and whose length nobody knows
// because the next header is damaged, costs no more bytes than it has.
func TestShortFile(t *testing.T) {
	dir, at := twoSegments(t)
	end := at.records[2].Pos.Offset + 26
	dir.Put(segment(1), dir.Content(segment(1))[:end])
	_, damages := damaged(t, dir, 2, func(b []byte) { b[0] ^= 1 }, wal.Position{})
	if len(damages) != 1 || damages[0].Bytes != 26+64 || damages[0].Lost != 1 {
		t.Errorf("%v", damages)
	}
}

// TestDamageAcrossSegments is one stretch: the end of a segment, and the next
// one's header and head.
func TestDamageAcrossSegments(t *testing.T) {
	dir, at := twoSegments(t)
	content := dir.Content(segment(1))
	content[len(content)-1] ^= 1
	dir.Put(segment(1), content)
	got, damages := damaged(t, dir, 2, func(b []byte) {
		clear(b[:at.records[4].Pos.Offset])
	}, wal.Position{})
	if fmt.Sprint(got) != "[a head a one b one b two]" || len(damages) != 1 || damages[0].Lost != 2 {
		t.Fatalf("read %q, %v", got, damages)
	}
	if d, want := damages[0], at.records[4].Pos.Offset+29; d.Bytes != want || d.Segment != 1 || d.Offset != at.records[2].Pos.Offset {
		t.Errorf("%v, want %d bytes", d, want)
	}
}

// TestPayloadIsNoFrame: a record inside a damaged one's payload is not taken for a record.
func TestPayloadIsNoFrame(t *testing.T) {
	dir, at := twoSegments(t)
	inner := dir.Content(segment(1))[at.records[0].Pos.Offset:at.records[0].Next.Offset]
	dir = crashfs.New()
	log, _ := open(t, dir)
	mustRoll(t, log, "head")
	pos := mustAppend(t, log, string(inner))
	mustAppend(t, log, "after")
	got, damages := damaged(t, dir, 1, func(b []byte) { b[pos.Offset] ^= 1 }, wal.Position{})
	if fmt.Sprint(got) != "[head after]" || len(damages) != 1 || damages[0].Lost != 1 {
		t.Errorf("read %q, %v", got, damages)
	}
}

// TestMissingSegment: a segment that somebody deleted is counted.
func TestMissingSegment(t *testing.T) {
	dir, _ := twoSegments(t)
	log, _ := open(t, dir)
	mustRoll(t, log, "c head")
	if err := dir.Remove(segment(2)); err != nil {
		t.Fatal(err)
	}
	for _, log := range []*wal.Log{log, reopen(t, dir)} { // while the log is open, and before
		got, damages := drain(t, log.Reader(wal.Position{}))
		if fmt.Sprint(got) != "[a head a one a two c head]" || len(damages) != 1 || damages[0].Lost != 3 {
			t.Errorf("read %q, %v", got, damages)
		}
	}
}

// TestFileGone: the file of a segment that the log knows is gone; the newest too.
func TestFileGone(t *testing.T) {
	dir, _ := twoSegments(t)
	log, _ := open(t, dir)
	for i, want := range []string{"[b head b one b two]", "[]"} {
		number := uint64(i + 1)
		if err := dir.Remove(segment(number)); err != nil {
			t.Fatal(err)
		}
		got, damages := drain(t, log.Reader(wal.Position{Segment: number}))
		if fmt.Sprint(got) != want || len(damages) != 1 || damages[0].Lost != 3 || !errors.Is(damages[0], fs.ErrNotExist) {
			t.Errorf("segment %d: read %q, %v", number, got, damages)
		}
	}
}

// TestRemovedUnderReader: a reader whose segment is removed says what it has
// not read, and goes on; one that had read it all says nothing.
func TestRemovedUnderReader(t *testing.T) {
	dir, _ := twoSegments(t)
	for read := range 4 {
		log, _ := open(t, dir.Kill())
		r := log.Reader(wal.Position{})
		for range read {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		fresh := log.Reader(r.Position())
		if err := log.Remove(1); err != nil {
			t.Fatal(err)
		}
		checkRemoved(t, r, 3-read)
		checkRemoved(t, fresh, 3-read)
	}
}

// late removes a segment just before a reader opens it.
type late struct {
	wal.FS
	remove func()
}

func (l *late) OpenFile(name string, flag int, perm fs.FileMode) (wal.File, error) {
	if remove := l.remove; remove != nil {
		l.remove = nil
		remove()
	}
	return l.FS.OpenFile(name, flag, perm)
}

// TestRemovedWhileOpening is a removal, and not a file that is missing.
func TestRemovedWhileOpening(t *testing.T) {
	whole, _ := twoSegments(t)
	dir := &late{FS: whole}
	log, _ := open(t, dir)
	r := log.Reader(wal.Position{})
	dir.remove = func() {
		if err := log.Remove(1); err != nil {
			t.Error(err)
		}
	}
	checkRemoved(t, r, 3)
}

func checkRemoved(t *testing.T, r *wal.Reader, lost int) {
	t.Helper()
	got, damages := drain(t, r)
	if fmt.Sprint(got) != "[b head b one b two]" {
		t.Errorf("read %q", got)
	}
	switch {
	case lost == 0 && len(damages) == 0:
	case lost > 0 && len(damages) == 1 && damages[0].Lost == uint64(lost) && errors.Is(damages[0], wal.ErrRemoved):
	default:
		t.Errorf("%d records were removed unread: %v", lost, damages)
	}
}

// TestReadErrors: a block that the disk cannot read, however often it is tried, is damage; a failure that
// passes is not, and costs nothing.
func TestReadErrors(t *testing.T) { synctest.Test(t, testReadErrors) }

func testReadErrors(t *testing.T) {
	dir, at := twoSegments(t)
	log, _ := open(t, dir)
	r := log.Reader(wal.Position{})
	dir.Inject(crashfs.Fault{Ops: crashfs.Read, Err: syscall.ENOMEM})
	if _, err := r.Next(); !errors.Is(err, syscall.ENOMEM) {
		t.Fatalf("a failure that may pass: %v", err)
	}
	if got, damages := drain(t, r); len(got) != len(at.records) || len(damages) > 0 {
		t.Errorf("after a failure that passed: %q, %v", got, damages)
	}

	for skip := range 12 { // reads that succeed first
		for _, away := range []time.Duration{0, 29 * time.Second} {
			r = log.Reader(wal.Position{})
			dir.Inject(crashfs.Fault{Ops: crashfs.Read | crashfs.Open, After: skip, Err: syscall.EIO, Sticky: away > 0})
			time.AfterFunc(away, dir.Heal)
			if got, damages := drain(t, r); len(got) != len(at.records) || len(damages) > 0 {
				t.Errorf("away for %v after %d reads: %q, %v", away, skip, got, damages)
			}
			time.Sleep(away)
			synctest.Wait()
			dir.Heal()
		}
	}

	r = log.Reader(wal.Position{})
	dir.Inject(crashfs.Fault{Ops: crashfs.Read, Err: syscall.EIO, Sticky: true})
	got, damages := drain(t, r)
	if len(got) > 0 || len(damages) != 1 || damages[0].Lost != 6 || !errors.Is(damages[0], syscall.EIO) {
		t.Errorf("a disk that cannot be read: %q, %v", got, damages)
	}
}

// TestBadBlocks makes each block of a segment unreadable: it costs the records in it.
func TestBadBlocks(t *testing.T) { synctest.Test(t, testBadBlocks) }

func testBadBlocks(t *testing.T) {
	dir := crashfs.New()
	log, _ := open(t, dir)
	mustRoll(t, log, "head")
	for i := range 60 {
		mustAppend(t, log, strings.Repeat(strconv.Itoa(i%10), 1500+i))
	}
	whole, _, err := readAll(log.Reader(wal.Position{}))
	if err != nil {
		t.Fatal(err)
	}
	mustRoll(t, log, "head 2")
	for block := uint64(0); block < whole[60].Next.Offset; block += 4096 {
		var want []string
		for _, rec := range whole {
			if rec.Next.Offset <= block || rec.Pos.Offset >= block+4096 {
				want = append(want, string(rec.Payload))
			}
		}
		lost := len(whole) - len(want)
		want = append(want, "head 2")
		dir := dir.Kill()
		dir.BadBlock(segment(1), int64(block))
		log, _ := open(t, dir)
		got, damages := drain(t, log.Reader(wal.Position{}))
		if !slices.Equal(got, want) || len(damages) != 1 || damages[0].Lost != uint64(lost) {
			t.Errorf("block at %d: read %d records of %d, lost %d: %v", block, len(got), len(want), lost, damages)
		}
	}
}

// TestReaderMemory: the buffer holds the largest record, not the segment, and
// reading allocates nothing per record.
func TestReaderMemory(t *testing.T) {
	log, _ := open(t, crashfs.New())
	mustRoll(t, log, "head")
	for i := range 2000 {
		mustAppend(t, log, string(bytes.Repeat([]byte{byte(i)}, 10_000)))
	}
	r := log.Reader(wal.Position{})
	_, _ = r.Next()
	if n := testing.AllocsPerRun(1900, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a record", n)
	}
}

// TestReadersBesideTheWriter reads, appends, rolls and removes at once.
func TestReadersBesideTheWriter(t *testing.T) {
	const records = 2000
	log, _ := open(t, crashfs.New())
	mustRoll(t, log, "0")
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() { follow(t, log, records) })
	}
	for i := 1; i <= records; i++ {
		payload := strconv.Itoa(i)
		if i%50 == 0 {
			mustRoll(t, log, payload)
		} else {
			mustAppend(t, log, payload)
		}
		if segments := log.Segments(); len(segments) > 5 {
			if err := log.Remove(segments[0].Number); err != nil {
				t.Error(err)
			}
		}
	}
	readers.Wait()
}

// follow reads until the last record: each is the next one, or the loss is counted.
func follow(t *testing.T, log *wal.Log, last int) {
	r := log.Reader(wal.Position{})
	defer func() { _ = r.Close() }()
	next, first := 0, true
	for next <= last {
		rec, err := r.Next()
		if damage, ok := errors.AsType[*wal.Damage](err); ok && errors.Is(err, wal.ErrRemoved) {
			next += int(damage.Lost)
			continue
		}
		if errors.Is(err, io.EOF) {
			err = log.Wait(t.Context(), r.Position())
			if err == nil {
				continue
			}
		}
		if err != nil {
			t.Error(err)
			return
		}
		got, _ := strconv.Atoi(string(rec.Payload))
		if got != next && !first || rec.Seq != uint64(got)+1 {
			t.Errorf("read %d (record %d), want %d", got, rec.Seq, next)
			return
		}
		next, first = got+1, false
	}
}

// TestReaderLetsGo: the memory that one large record took is not kept for the small ones behind it.
func TestReaderLetsGo(t *testing.T) {
	log, _ := open(t, crashfs.New())
	mustRoll(t, log, strings.Repeat("head", 1<<20))
	for range 100 {
		mustAppend(t, log, strings.Repeat("record", 1000))
	}
	r := log.Reader(wal.Position{})
	defer func() { _ = r.Close() }()
	var rec wal.Record
	for range 101 {
		var err error
		if rec, err = r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if n := cap(rec.Payload); n > 1<<19 { // what is behind it in the reader's memory
		t.Errorf("the last record of %d bytes is in a buffer of %d", len(rec.Payload), n)
	}
}

// TestRemoveThatFails: a segment that cannot be removed stays readable; readers that meet it meanwhile lose nothing.
func TestRemoveThatFails(t *testing.T) {
	dir, at := twoSegments(t)
	log, _ := open(t, dir)
	dir.Inject(crashfs.Fault{Ops: crashfs.Remove, Err: syscall.EPERM})
	if err := log.Remove(1); !errors.Is(err, syscall.EPERM) || !log.Has(1) {
		t.Fatalf("remove: %v, there: %v", err, log.Has(1))
	}
	if got, damages := drain(t, log.Reader(wal.Position{})); len(got) != len(at.records) || len(damages) > 0 {
		t.Errorf("read %q, %v", got, damages)
	}
	dir.Inject(crashfs.Fault{Ops: crashfs.SyncDir, Err: syscall.EIO})
	if err := log.Remove(1); !errors.Is(err, syscall.EIO) || log.Has(1) {
		t.Errorf("remove that is not synced: %v, there: %v", err, log.Has(1))
	}
}
