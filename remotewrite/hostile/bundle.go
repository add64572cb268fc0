// Package hostile makes bundles for tests: a few megabytes that would need a gigabyte of memory if a reader trusted
// them. No queue has ever written these bytes, but all their checksums and hashes are correct.
//
// It does not use the code that packs or reads records, so it does not share the limits that it tests.
package hostile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang/snappy"

	"backwire/remotewrite/wal"
)

// Bundle is what somebody puts on a medium: the records of one segment.
type Bundle struct {
	Name    string
	Records [][]byte
	Listed  string // what the manifest lists beside the segment, as JSON behind a comma
}

// Kinds of block, and flags of a series and of a batch, as they are on disk.
const (
	oldHead    = 1
	cycle      = 2
	packedFlag = 0x80

	sameMetric = 1
	sameShape  = 2
	sameStart  = 4

	partial   = 1
	exemplars = 4
)

// Bundles are one of each kind. They take 60 MiB to build.
func Bundles() []Bundle {
	return []Bundle{
		{Name: "masks", Records: [][]byte{masks()}},
		{Name: "series", Records: [][]byte{head().alike(3_000_000).packed(oldHead)}},
		{Name: "texts", Records: [][]byte{head().numbers(6_000_000).zeros(6_000_000).packed(oldHead)}},
		{Name: "sites", Records: [][]byte{emptyHead(), new(block).numbers(4_000_000).zeros(4_000_000).packed(cycle)}},
		{Name: "batches", Records: [][]byte{emptyHead(), batches()}},
		{Name: "exemplars", Records: [][]byte{emptyHead(), manyExemplars()}},
		{Name: "inflated", Records: [][]byte{new(block).zeros(20 << 20).packed(oldHead)}},
		{Name: "large", Records: [][]byte{make([]byte, 9<<20)}},
		{Name: "listed", Records: [][]byte{emptyHead()}, Listed: strings.Repeat(",{}", 4<<20/3-200)},
	}
}

// Write makes the bundle in a directory that is not there yet.
func (b Bundle) Write(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := b.log(dir); err != nil {
		return err
	}
	const name = "00000000000000000001.seg"
	segment, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(segment)
	file, err := json.Marshal(map[string]any{"name": name, "sha256": hex.EncodeToString(sum[:]), "bytes": len(segment)})
	if err != nil {
		return err
	}
	manifest := `{"version":1,"agent":"x:/","created":"` + time.Unix(0, 0).UTC().Format(time.RFC3339) + `","files":[` + string(file) + b.Listed + `]}`
	return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(manifest), 0o600)
}

// log writes the records as a queue's log does.
func (b Bundle) log(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // what is written in it is synced
	log, _, err := wal.Open(wal.NewDir(root), wal.Options{})
	if err != nil {
		return err
	}
	err = log.Roll(b.Records[0])
	for _, r := range b.Records[1:] {
		if err == nil {
			_, err = log.Append(r)
		}
	}
	return errors.Join(err, log.Close())
}

// block builds the body of a record.
type block struct{ bytes.Buffer }

func (b *block) numbers(all ...uint64) *block {
	for _, n := range all {
		b.Write(binary.AppendUvarint(nil, n))
	}
	return b
}

func (b *block) zeros(n int) *block {
	b.Write(make([]byte, n))
	return b
}

// packed is a record of the first version with a kind of block, which snappy packs.
func (b *block) packed(kind byte) []byte {
	return append([]byte{1, 0, kind | packedFlag}, snappy.Encode(nil, b.Bytes())...)
}

// alike begins a dictionary with so many series of a metric, none of which has a label.
func (b *block) alike(series int) *block {
	b.numbers(2, 1, 'm', 0, 1, 1, 0, 1, 1) // two texts and a metric
	b.numbers(uint64(series), sameShape|sameStart, 0, 0, 0)
	b.Write(bytes.Repeat([]byte{sameMetric | sameShape | sameStart, 0}, series-1))
	return b
}

// head begins with what was written before a segment: nothing.
func head() *block { return new(block).zeros(8) }

// emptyHead is a segment's first record where nothing is known yet.
func emptyHead() []byte {
	return append([]byte{1, 0, oldHead}, make([]byte, 8+3+1)...)
}

// masks has a million series, each with the labels of the one before.
func masks() []byte {
	b := head().numbers(2, 1, 'm', 1, 'l', 1, 1, 0, 0, 0)
	b.numbers(1_000_000, sameStart, 0, 0, 63).Write(bytes.Repeat([]byte{1, 1}, 63))
	b.Write(bytes.Repeat([]byte{sameMetric | sameShape | sameStart, 1, 0}, 999_999))
	return b.packed(oldHead)
}

// batches each add the first series and one of the last, each time another.
func batches() []byte {
	b := new(block).numbers(1, 0, 0).alike(100_000).numbers(20_000)
	for i := range uint64(20_000) {
		b.numbers(partial, 2, 2, 0, 0, 99_997-i%2, 0, 0)
	}
	return b.numbers(0).packed(cycle)
}

func manyExemplars() []byte {
	b := new(block).numbers(1, 0, 0).alike(1).numbers(1, partial|exemplars, 2, 1, 0, 0, 0)
	b.numbers(200_000)
	for range 200_000 {
		b.numbers(0, 0, 0, 8)
		for range 8 {
			b.numbers(0, 1, 'x')
		}
	}
	return b.numbers(0).packed(cycle)
}
