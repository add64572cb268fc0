package nbusim

import (
	"math/rand/v2"
	"slices"
)

// omission leaves attributes of jobs out of some answers: as null, or without a trace. It is no property of
// the job: the next answer may have them. No document promises or denies this; servers were seen to do it.
type omission struct {
	random *rand.Rand
	share  float64
	names  []string // none is every attribute
}

// LeaveOut lets each of the named attributes of jobs, or every one where none is named, be missing from a
// share of the answers from now on. A row keeps its id.
func (s *Server) LeaveOut(share float64, attributes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.omission.share, s.omission.names = share, attributes
}

// way is how an attribute is left out of an answer.
type way int

const (
	whole way = iota
	asNull
	asNothing
)

func (o *omission) of(name string) way {
	if o.share == 0 || (len(o.names) > 0 && !slices.Contains(o.names, name)) || o.random.Float64() >= o.share {
		return whole
	}
	return asNull + way(o.random.IntN(2))
}
