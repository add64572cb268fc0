package remotewrite

import "slices"

// marks remembers a number for each of many indexes and forgets them all at once: a mark counts only
// if it is of the current epoch, so that nothing is cleared between two requests.
type marks struct {
	epoch uint32
	marks []mark
}

type mark struct{ epoch, number uint32 }

// reset forgets everything and makes room for n indexes.
func (m *marks) reset(n int) {
	m.epoch++
	if m.epoch == 0 { // after 2³² requests old marks would come alive
		clear(m.marks)
		m.epoch = 1
	}
	if more := n - len(m.marks); more > 0 {
		m.marks = slices.Grow(m.marks, more)[:n]
	}
}

func (m *marks) get(i uint32) (number uint32, ok bool) {
	at := m.marks[i]
	return at.number, at.epoch == m.epoch
}

func (m *marks) set(i, number uint32) { m.marks[i] = mark{m.epoch, number} }
