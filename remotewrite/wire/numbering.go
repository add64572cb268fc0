package wire

import "slices"

// numbering remembers a number for each of many indexes and forgets them all at once: a mark counts only
// if it is of the current epoch, so that nothing is cleared between two requests.
type numbering struct {
	epoch   uint32
	numbers []numbered
}

type numbered struct{ epoch, number uint32 }

// reset forgets everything and makes room for n indexes.
func (m *numbering) reset(n int) {
	m.epoch++
	if m.epoch == 0 { // after 2³² requests old marks would come alive
		clear(m.numbers)
		m.epoch = 1
	}
	if more := n - len(m.numbers); more > 0 {
		m.numbers = slices.Grow(m.numbers, more)[:n]
	}
}

func (m *numbering) get(i uint32) (number uint32, ok bool) {
	at := m.numbers[i]
	return at.number, at.epoch == m.epoch
}

func (m *numbering) set(i, number uint32) { m.numbers[i] = numbered{m.epoch, number} }
