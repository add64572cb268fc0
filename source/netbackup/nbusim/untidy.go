package nbusim

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// Untidy is what a server does to its lists beside those of jobs. That values may be missing is documented: no attribute
// of these lists is required (storage, manage, malware, catalog and servicecatalog.yaml of all releases). That rows move
// while pages are read follows from pages by offset over a list that changes. How often either happens is an assumption.
type Untidy struct {
	Seed    uint64
	OneNull int // one in so many values is null, ids and whole attributes among them; 0 is none
	Moving  int // before one in so many pages rows have moved: some come again, some are passed over; 0 is never
}

// BeUntidy makes the lists untidy from now on.
func (s *Server) BeUntidy(u Untidy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.untidy = &untidy{Untidy: u, random: rand.New(rand.NewPCG(u.Seed, 1))}
}

// untidy is an Untidy at work. A nil one does nothing.
type untidy struct {
	Untidy

	mu     sync.Mutex
	random *rand.Rand
	turned int // rows of every list, since the server is untidy
}

// rotate turns the list: where rows were taken out in front or put there, those behind are somewhere else. As many rows
// as before are in it, and each of them once.
func (u *untidy) rotate(rows []row) []row {
	if u == nil || u.Moving == 0 || len(rows) == 0 {
		return rows
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.random.IntN(u.Moving) == 0 {
		u.turned += 1 + u.random.IntN(9)
	}
	by := u.turned % len(rows)
	return slices.Concat(rows[by:], rows[:by])
}

// spoil puts nulls into a rendered row.
func (u *untidy) spoil(rendered map[string]any) map[string]any {
	if u == nil || u.OneNull == 0 {
		return rendered
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.nulls(rendered)
	return rendered
}

// nulls walks in a fixed order, so that a seed tells all.
func (u *untidy) nulls(in map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if u.random.IntN(u.OneNull) == 0 {
			in[name] = nil
			continue
		}
		switch v := in[name].(type) {
		case map[string]any:
			u.nulls(v)
		case []any:
			for _, x := range v {
				if m, ok := x.(map[string]any); ok {
					u.nulls(m)
				}
			}
		}
	}
}
