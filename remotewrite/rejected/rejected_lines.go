package rejected

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"backwire/remotewrite/send"
)

// errLeftOut ends a file that goes on behind what a rejected store may have.
var errLeftOut = errors.New("the rest is skipped")

// rejectedLines reads lines, and of none more than one may have.
type rejectedLines struct {
	*bufio.Reader
	left int // bytes of the file that may be read
	line []byte
}

// next returns a line and how many bytes it has: of one that is too long there is only the beginning. The line is valid until the
// next call.
func (l *rejectedLines) next() (line []byte, size int, err error) {
	l.line = l.line[:0]
	for ended := false; !ended; {
		var part []byte
		part, err = l.ReadSlice('\n')
		l.left -= len(part)
		ended = !errors.Is(err, bufio.ErrBufferFull)
		part = bytes.TrimSuffix(part, []byte("\n"))
		size += len(part)
		if size <= maxRejectedLine {
			l.line = append(l.line, part...)
		}
		if l.left < 0 && !errors.Is(err, io.EOF) {
			return l.line, size, fmt.Errorf("a file has more than %d bytes: %w", maxRejectedRead, errLeftOut)
		}
	}
	return l.line, size, err
}

// minObject is less than what an object takes in a line: a label without a name.
const minObject = 20

// objects is how many objects begin in a JSON text. They take many times their bytes in memory, where they are empty.
func objects(text []byte) (n int) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '{' && !quoted:
			n++
		}
	}
	return n
}

// halves divides a rejection between two samples, and says whether there are two.
func halves(r send.Rejection) (first, second send.Rejection, ok bool) {
	first, second = r, r
	switch {
	case len(r.Series) > 1:
		first.Series, second.Series = r.Series[:len(r.Series)/2], r.Series[len(r.Series)/2:]
	case len(r.Series) == 1 && len(r.Series[0].Points) > 1:
		s, n := r.Series[0], len(r.Series[0].Points)/2
		before, behind := s, s
		before.Points, behind.Points = s.Points[:n], s.Points[n:]
		first.Series, second.Series = []send.RejectedSeries{before}, []send.RejectedSeries{behind}
	default:
		return r, r, false
	}
	// Of those that were refused, nobody knows which; a half has one at least, or it would never be pushed again.
	first.Samples = max(1, r.Samples*points(first)/max(1, points(r)))
	second.Samples = max(1, r.Samples-first.Samples)
	return first, second, true
}

// points is how many samples a rejection holds.
func points(r send.Rejection) (n int) {
	for i := range r.Series {
		n += len(r.Series[i].Points)
	}
	return n
}
