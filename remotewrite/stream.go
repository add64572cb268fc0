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
	elements []byte // as they go into the block, and room behind them; the bytes themselves where it is plain
	end      int    // of the elements
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

	slotBytes = 16 // what may be written to a slot, whatever it is for
)

func (z *stream) reset(plain bool) {
	*z = stream{plain: plain, elements: z.elements}
}

// bytes are the elements so far.
func (z *stream) bytes() []byte { return z.elements[:z.end] }

// near says whether what begins at a place in the block can be copied.
func (z *stream) near(at int) bool { return at >= 0 && z.size-at <= maxOffset }

// follows says whether what begins at a place goes on with the copy that is being made.
func (z *stream) follows(at int) bool { return z.length > 0 && z.offset == z.size-at }

// room makes sure that so many bytes can be written behind the elements.
func (z *stream) room(n int) {
	if len(z.elements)-z.end < n {
		z.elements = append(z.elements, make([]byte, len(z.elements)+n)...)
	}
}

// slot is for n new bytes, at most slotBytes: the caller puts them there, and may write on behind them.
func (z *stream) slot(n int) []byte {
	z.size += n
	if z.length > 0 {
		z.flush()
	}
	z.room(1 + slotBytes)
	if !z.plain {
		if had := z.end - z.literal; z.literal == 0 || had+n > maxLiteral {
			z.end++
			z.literal = z.end
		}
		z.elements[z.literal-1] = byte(z.end+n-z.literal-1) << 2
	}
	at := z.end
	z.end += n
	return z.elements[at : at+slotBytes]
}

// put writes new bytes.
func (z *stream) put(b ...byte) {
	for len(b) > 0 {
		n := min(len(b), slotBytes)
		copy(z.slot(n), b[:n])
		b = b[n:]
	}
}

// repeat writes n bytes that are at an earlier place of the block, and near. They may go on into what it writes.
func (z *stream) repeat(at, n int) {
	if n == 0 {
		return
	}
	if z.plain {
		z.room(n)
		copy(z.elements[z.end:z.end+n], z.elements[at:at+n])
		z.end += n
		z.size += n
		return
	}
	if offset := z.size - at; z.length == 0 || z.offset != offset {
		z.flush()
		z.offset = offset
	}
	z.length += n
	z.size += n
}

// patch writes a copy of n bytes, at most maxCopy, and new ones behind it: the low ones of a number.
func (z *stream) patch(at, n int, fresh uint64, size int) {
	if z.plain {
		z.repeat(at, n)
		binary.LittleEndian.PutUint64(z.slot(size), fresh)
		return
	}
	z.flush()
	z.room(copyBytes + slotBytes)
	z.copied(z.size-at, n)
	z.elements[z.end] = byte(size-1) << 2
	binary.LittleEndian.PutUint64(z.elements[z.end+1:], fresh)
	z.literal = z.end + 1
	z.end += 1 + size
	z.size += n + size
}

// repeatTwo writes two copies in turn, so many times, each of at most maxCopy bytes from its distance. The stream is not plain.
func (z *stream) repeatTwo(times, offset, n, offset2, n2 int) {
	if times == 0 {
		return
	}
	z.flush()
	z.room(2*copyBytes*times + 2)
	both := uint64(copyElement(offset, n)) | uint64(copyElement(offset2, n2))<<(8*copyBytes)
	for range times {
		binary.LittleEndian.PutUint64(z.elements[z.end:], both)
		z.end += 2 * copyBytes
	}
	z.size += times * (n + n2)
}

// copyBytes is how many bytes an element takes that copies.
const copyBytes = 3

// copyElement is one of them.
func copyElement(offset, n int) uint32 { return uint32(n-1)<<2 | 2 | uint32(offset)<<8 }

// flush puts the copy among the elements, and ends a literal.
func (z *stream) flush() {
	z.literal = 0
	if z.length == 0 {
		return
	}
	z.room(copyBytes*(z.length/maxCopy+1) + 1)
	for ; z.length > maxCopy; z.length -= maxCopy {
		z.copied(z.offset, maxCopy)
	}
	z.copied(z.offset, z.length)
	z.length = 0
}

// copied adds the element of a copy.
func (z *stream) copied(offset, n int) {
	element, size := copyElement(offset, n), copyBytes
	if uint(n-4) < 8 && offset < 1<<11 {
		element, size = uint32(offset>>8<<5|(n-4)<<2|1|offset&0xff<<8), copyBytes-1
	}
	binary.LittleEndian.PutUint32(z.elements[z.end:], element)
	z.end += size
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
