package remotewrite

import (
	"errors"
	"fmt"
)

// errOversized says that bytes ask for more memory than their reader gives them.
var errOversized = errors.New("it needs more memory than is allowed for its size")

// room bounds what a reader keeps of what it reads. A few bytes may stand for many: a mask copies labels, snappy makes a
// megabyte of 50 kB of zeros. The zero value bounds nothing.
type room struct {
	base    int // bytes
	factor  int // bytes more for each byte read of the segment
	payload int // bytes of a record at most; 0 is any
	text    int // bytes of a text at most; 0 is any
	labels  int // of a series at most; 0 is any
	window  int // bytes of a window at most
	damages int // of a log at most that are told one by one; 0 is any

	stop <-chan struct{} // reading ends when it is closed; nil is never
}

// ownRoom is that of a queue of one's own. A series takes some 80 bytes of memory and at least one of a head, so that nothing
// that this program writes comes near it.
func ownRoom() room { return room{base: 64 << 20, factor: 128} }

// bundleRoom is that of a bundle. One that nobody vouches for is read within a fixed room, which 150,000 series fit in.
func bundleRoom(signed bool, stop <-chan struct{}) room {
	r := room{base: 14 << 20, payload: 8 << 20, text: 16 << 10, labels: 64, damages: 1000, window: 6 << 20, stop: stop}
	if signed {
		r.factor, r.payload = 32, 0
	}
	return r
}

func (r room) stopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// oversize ends reading: what is asked for does not fit.
func (s *scanner) oversize(what string) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: %s", errOversized, what)
	}
	s.block, s.at = nil, 0
}

// Bytes of memory that parts of an image take, beside their texts: a series with its value, owner and marks; a metric; label
// names, twice with their index; a site.
const (
	seriesSize = 56
	metricSize = 20
	shapeSize  = 128
	siteSize   = 160
)

// size is what the dictionary takes in memory.
func (d *dictionary) size() int {
	return d.symbols.size() + 4*d.symbols.len() + metricSize*len(d.metrics) + seriesSize*len(d.series) +
		4*len(d.values) + shapeSize*len(d.shapes) + 8*d.named
}

// fits says whether there is room for so many bytes more, and ends reading where there is none.
func (d *dictionary) fits(s *scanner, more int) bool {
	if d.most > 0 && d.size()+more > d.most {
		s.oversize("too many series and labels")
		return false
	}
	return s.err == nil
}

// allow gives the dictionary at hand what the room has for it after so many bytes of the segment.
func (u *unpacker) allow() {
	r := u.room
	if r.base == 0 {
		return
	}
	sites := len(u.sites) * (siteSize + len(u.dict.series)/8)
	u.dict.most = max(1, r.base+r.factor*u.taken-sites-cap(u.inflated))
	u.dict.mostText, u.dict.mostLabels = r.text, r.labels
}

// held says whether a window has room for what a record has put into it.
func (u *unpacker) held(s *scanner, w *window) {
	if u.room.stopped() {
		s.fail("interrupted")
	}
	if w != nil && u.room.window > 0 && w.timeline.size()+w.observedSize > 2*u.room.window {
		s.oversize("a record with too many batches")
	}
}
