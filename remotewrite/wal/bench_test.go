package wal_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"backwire/remotewrite/wal"
)

// unsynced is a directory whose syncs cost nothing, to see the log's own work.
type unsynced struct{ wal.Dir }

type unsyncedFile struct{ wal.File }

func (unsyncedFile) Sync() error { return nil }

func (d unsynced) OpenFile(name string, flag int, perm fs.FileMode) (wal.File, error) {
	f, err := d.Dir.OpenFile(name, flag, perm)
	return unsyncedFile{f}, err
}

func (unsynced) SyncDir(string) error { return nil }

func benchDir(b *testing.B) (wal.Dir, string) {
	b.Helper()
	path := b.TempDir()
	root, err := os.OpenRoot(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = root.Close() })
	return wal.NewDir(root), path
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("%dB/unsynced", size), func(b *testing.B) {
			dir, _ := benchDir(b)
			benchmarkAppend(b, unsynced{dir}, size)
		})
		b.Run(fmt.Sprintf("%dB/synced", size), func(b *testing.B) {
			dir, _ := benchDir(b)
			benchmarkAppend(b, dir, size)
		})
	}
}

func benchmarkAppend(b *testing.B, dir wal.FS, size int) {
	log, _ := open(b, dir)
	mustRoll(b, log, "head")
	payload := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := log.Append(payload); err != nil {
			b.Fatal(err)
		}
		if log.SegmentBytes() > 64<<20 {
			b.StopTimer()
			mustRoll(b, log, "head")
			if err := log.Remove(log.Segments()[0].Number); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, size := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			dir, _ := benchDir(b)
			log, _ := open(b, unsynced{dir})
			mustRoll(b, log, "head")
			payload := make([]byte, size)
			for log.SegmentBytes() < 32<<20 {
				if _, err := log.Append(payload); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(log.SegmentBytes())
			b.ReportAllocs()
			for b.Loop() {
				readThrough(b, log)
			}
		})
	}
}

func readThrough(b *testing.B, log *wal.Log) {
	r := log.Reader(wal.Position{})
	defer func() { _ = r.Close() }()
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens 2 GiB in 256 segments, of which only the newest is read:
// the others are sparse files with a header.
func BenchmarkOpen(b *testing.B) {
	const segments, size = 256, 8 << 20
	dir, path := benchDir(b)
	log, _ := open(b, unsynced{dir})
	payload := make([]byte, 100_000)
	for i := range segments {
		mustRoll(b, log, "head")
		if i < segments-1 {
			if err := os.Truncate(filepath.Join(path, segment(uint64(i+1))), size); err != nil {
				b.Fatal(err)
			}
		}
	}
	for log.SegmentBytes() < size {
		if _, err := log.Append(payload); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		log, rec, err := wal.Open(dir, wal.Options{})
		if err != nil || !rec.Appendable {
			b.Fatal(err, rec)
		}
		_ = log.Close()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-system")
}
