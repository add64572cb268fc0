package record

import "errors"

// ErrOversized says that bytes ask for more memory than their reader gives them.
var ErrOversized = errors.New("it needs more memory than is allowed for its size")

// Room bounds what a reader keeps of what it reads. A few bytes may stand for many: a mask copies labels, snappy makes a
// megabyte of 50 kB of zeros. The zero value bounds nothing.
type Room struct {
	Base    int // bytes
	Factor  int // bytes more for each byte read of the segment
	Payload int // bytes of a record at most; 0 is any
	Text    int // bytes of a text at most; 0 is any
	Labels  int // of a series at most; 0 is any
	Window  int // bytes of a window at most
	Damages int // maximum number reported one by one for a log; 0 is no limit

	Stop <-chan struct{} // reading ends when it is closed; nil is never
}

// OwnRoom is that of a queue of one's own. A series takes some 80 bytes of memory and at least one of a head, so that nothing
// that this program writes comes near it.
func OwnRoom() Room { return Room{Base: 64 << 20, Factor: 128} }

// Stopped says whether reading has to end.
func (r Room) Stopped() bool {
	select {
	case <-r.Stop:
		return true
	default:
		return false
	}
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
func (d *Dictionary) size() int {
	return d.symbols.size() + 4*d.symbols.len() + metricSize*len(d.Metrics) + seriesSize*len(d.Series) +
		4*len(d.values) + shapeSize*len(d.shapes) + 8*d.named
}

// fits says whether there is room for so many bytes more, and ends reading where there is none.
func (d *Dictionary) fits(s *scanner, more int) bool {
	if d.most > 0 && d.size()+more > d.most {
		s.oversize("too many series and labels")
		return false
	}
	return s.err == nil
}

// allow gives the dictionary at hand what the room has for it after so many bytes of the segment.
func (u *Unpacker) allow() {
	r := u.Room
	if r.Base == 0 {
		return
	}
	sites := len(u.sites) * (siteSize + len(u.Dict.Series)/8)
	u.Dict.most = max(1, r.Base+r.Factor*u.taken-sites-cap(u.inflated))
	u.Dict.mostText, u.Dict.mostLabels = r.Text, r.Labels
}
