package remotewrite

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/s2"
)

// block is the stream's as it goes on the wire.
func (z *stream) block() []byte {
	z.flush()
	return append(binary.AppendUvarint(nil, uint64(z.size)), z.bytes()...)
}

// Whatever is written, in literals and copies of any length and distance, both libraries read it back.
func FuzzStream(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 200, 1, 10, 255, 1, 10, 255, 1, 3, 1})
	f.Add([]byte{0, 255, 0, 255, 1, 200, 250, 1, 255, 255, 0, 1, 1, 4, 4})
	f.Fuzz(func(t *testing.T, script []byte) {
		var z, plain stream
		z.reset(false)
		plain.reset(true)
		var want []byte
		for len(script) >= 3 && len(want) < 200_000 {
			kind, length, back := script[0], int(script[1])*int(script[2]%8+1), int(script[2])
			script = script[3:]
			from := len(want) - length - back*back
			if kind%2 == 0 || from < 0 || !z.near(from) {
				fresh := bytes.Repeat([]byte{kind, byte(length), 7}, length)
				z.put(fresh...)
				plain.put(fresh...)
				want = append(want, fresh...)
				continue
			}
			z.repeat(from, length)
			plain.repeat(from, length)
			want = append(want, want[from:from+length]...)
		}
		for name, decode := range map[string]func(dst, src []byte) ([]byte, error){"snappy": snappy.Decode, "s2": s2.Decode} {
			if got, err := decode(nil, z.block()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v, want %d", name, len(got), err, len(want))
			}
		}
		if !bytes.Equal(plain.bytes(), want) || plain.size != len(want) {
			t.Errorf("plain: %d bytes, want %d", len(plain.bytes()), len(want))
		}
	})
}

// Copies that follow each other are one, up to the 64 bytes that an element holds.
func TestStreamJoinsCopies(t *testing.T) {
	var z stream
	z.put(bytes.Repeat([]byte{1}, 30)...)
	z.put(bytes.Repeat([]byte{2}, 30)...)
	for range 2 {
		for range 6 {
			z.repeat(z.size-60, 10)
		}
		z.put(3)
	}
	// A literal of 60 bytes, one copy of 60, one byte, twice.
	if got, want := len(z.block()), 2+(1+60)+2*(3+2)-0; got > want {
		t.Errorf("%d bytes, want at most %d", got, want)
	}
}

// A literal's length takes as many bytes as it needs.
func TestStreamOfLongLiterals(t *testing.T) {
	for _, n := range []int{1, 60, 61, 256, 257, 1 << 16, 1<<16 + 1, 1 << 24, 1<<24 + 1} {
		var z stream
		want := bytes.Repeat([]byte{byte(n), 1}, n)[:n]
		z.put(want...)
		if got, err := snappy.Decode(nil, z.block()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
	}
}

// The labels of neighbours are found, also where they are not in the same place.
func TestFinder(t *testing.T) {
	var z stream
	var f finder
	texts := []string{"site=paris,policy=gold,client=a1", "site=paris,policy=gold,client=a2", "policy=gold,site=paris", "", "abc", "abcd", "abcdabcdabcd"}
	var want []byte
	for _, text := range texts {
		f.write(&z, []byte(text))
		z.put('|') // samples are in between
		want = append(append(want, text...), '|')
	}
	block := z.block()
	if got, err := snappy.Decode(nil, block); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%q, %v", got, err)
	}
	if len(block) > len(want)*2/3 {
		t.Errorf("%d bytes of %d", len(block), len(want))
	}
	f.reset()
	z.reset(false)
	f.write(&z, []byte(texts[0]))
	if got, err := snappy.Decode(nil, z.block()); err != nil || string(got) != texts[0] {
		t.Errorf("after a reset: %q, %v: it has found what is not there any more", got, err)
	}
}
