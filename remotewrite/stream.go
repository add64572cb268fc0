package remotewrite

import "encoding/binary"

// stream writes a block of snappy's format (google/snappy, format_description.txt) for those who know what
// repeats: they say which bytes are new and where the others were before. Nothing is searched for, and a repetition that
// no window of 64 KiB would show is found all the same.
//
// A block is literals, which are bytes, and copies, which are a distance back and a length. Copies from one distance
// that follow each other become one.
//
// Where little is known to repeat, the stream is plain: the bytes themselves, for a library to search in.
type stream struct {
	plain    bool
	elements []byte // as they go into the block; the bytes themselves where it is plain
	size     int    // bytes of the block, before compression
	literal  int    // where in elements the literal begins that is being made; 0 is none
	offset   int    // of the copy that is being made and is not in elements yet
	length   int    // 0 is none
}

const (
	maxOffset = 1<<16 - 1 // of the copies used here; encoders that search use no larger ones
	maxCopy   = 64
	minCopy   = 4 // shorter ones save nothing

	maxLiteral = 60 // whose length is in its first byte
)

func (z *stream) reset(plain bool) {
	*z = stream{plain: plain, elements: z.elements[:0]}
}

// near says whether what begins at a place in the block can be copied.
func (z *stream) near(at int) bool { return at >= 0 && z.size-at <= maxOffset }

// follows says whether what begins at a place goes on with the copy that is being made.
func (z *stream) follows(at int) bool { return z.length > 0 && z.offset == z.size-at }

// put writes new bytes.
func (z *stream) put(b ...byte) {
	z.size += len(b)
	if z.plain {
		z.elements = append(z.elements, b...)
		return
	}
	if z.length > 0 {
		z.flush()
	}
	for len(b) > 0 {
		had := len(z.elements) - z.literal
		if z.literal == 0 || had == maxLiteral {
			z.elements = append(z.elements, 0)
			z.literal, had = len(z.elements), 0
		}
		n := min(len(b), maxLiteral-had)
		z.elements = append(z.elements, b[:n]...)
		z.elements[z.literal-1] = byte(had+n-1) << 2
		b = b[n:]
	}
}

// repeat writes n bytes that are at an earlier place of the block, and near. They may go on into what it writes.
func (z *stream) repeat(at, n int) {
	if n == 0 {
		return
	}
	if z.plain {
		z.put(z.elements[at : at+n]...)
		return
	}
	if offset := z.size - at; z.length == 0 || z.offset != offset {
		z.flush()
		z.offset = offset
	}
	z.length += n
	z.size += n
}

// repeatTwo writes two copies in turn, so many times, each of at most maxCopy bytes from its distance.
func (z *stream) repeatTwo(times, offset, n, offset2, n2 int) {
	if times == 0 {
		return
	}
	z.flush()
	for range times {
		z.elements = append(z.elements,
			byte(n-1)<<2|2, byte(offset), byte(offset>>8), byte(n2-1)<<2|2, byte(offset2), byte(offset2>>8))
	}
	z.size += times * (n + n2)
}

// flush puts the copy among the elements, and ends a literal.
func (z *stream) flush() {
	z.literal = 0
	for ; z.length > maxCopy; z.length -= maxCopy {
		z.elements = append(z.elements, (maxCopy-1)<<2|2, byte(z.offset), byte(z.offset>>8))
	}
	switch n := z.length; {
	case n == 0:
	case n >= 4 && n < 12 && z.offset < 1<<11:
		z.elements = append(z.elements, byte(z.offset>>8)<<5|byte(n-4)<<2|1, byte(z.offset))
	default:
		z.elements = append(z.elements, byte(n-1)<<2|2, byte(z.offset), byte(z.offset>>8))
	}
	z.length = 0
}

// finder writes texts that have much in common, such as the labels of many series, and copies what
// it finds in those it has written before. It looks in these alone, so it is done soon.
type finder struct {
	past  []byte // all texts of the block
	table [1 << finderBits]found
}

const finderBits = 12

// found is where four bytes were last.
type found struct {
	past, end int32 // in past: the bytes, and the end of their text
	at        int32 // in the block
}

func (f *finder) reset() {
	f.past = f.past[:0]
	clear(f.table[:])
}

// write writes a text.
func (f *finder) write(z *stream, text []byte) {
	if z.plain {
		z.put(text...)
		return
	}
	begin := len(f.past)
	f.past = append(f.past, text...)
	end := len(f.past)
	fresh, shift := begin, z.size-begin
	for i := begin; i+minCopy <= end; {
		entry := &f.table[binary.LittleEndian.Uint32(f.past[i:])*0x9E3779B1>>(32-finderBits)]
		was := *entry
		*entry = found{int32(i), int32(end), int32(i + shift)}
		n := 0
		if was.end != 0 && i+shift-int(was.at) <= maxOffset {
			n = common(f.past[i:end], f.past[was.past:was.end])
		}
		if n <= minCopy {
			i++
			continue
		}
		z.put(f.past[fresh:i]...)
		z.repeat(int(was.at), n)
		i += n
		fresh = i
	}
	z.put(f.past[fresh:end]...)
}

// common is how many bytes two texts begin with alike.
func common(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
