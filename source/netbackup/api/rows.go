package api

import (
	"errors"
	"hash/maphash"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The ways of a list that its pages alone do not show: rows that come twice, rows that cannot be read, an empty list
// that is answered with 404, and a page that the server finds too large.

// The vendor's error codes that are handled by number.
const (
	codeNoEntity  = 227  // "no entity was found" (NetBackup Status Codes Reference Guide): an empty list
	codePageLimit = 8961 // of a 400: page[limit] is more than this release takes, whatever its documents say
)

// seenRows are the rows of one walk. Rows move between pages while they are read, because others come and go: a row
// that is known by its id is taken once.
type seenRows struct {
	before map[uint64]struct{} // hashes of the ids of earlier answers: of a hundred thousand rows two collide once in a billion walks
	now    map[uint64]struct{} // and of the answer that is being read
	seed   maphash.Seed
	answer int             // its number
	twice  bool            // a row came again
	counts map[int64]bool  // what the pages said of how many rows there are
	count  Optional[int64] // what the last page said
	again  bool            // the pages are read a second time
}

func newSeenRows() *seenRows {
	return &seenRows{
		before: map[uint64]struct{}{}, now: map[uint64]struct{}{}, seed: maphash.MakeSeed(), counts: map[int64]bool{},
	}
}

// next begins another answer.
func (s *seenRows) next() {
	s.answer++
	maps.Copy(s.before, s.now)
	clear(s.now)
}

// rows is how many are remembered.
func (s *seenRows) rows() int { return len(s.before) + len(s.now) }

// nameless says that the row has no id and is on a later page, so it may be a repeated row.
func (s *seenRows) nameless(id []byte) bool { return len(id) == 0 && s.answer > 1 && !s.again }

// fresh says that the row is to be taken. One without an id is taken of the first page alone. Two of one id in one answer
// did not move: what they have to do with each other is the caller's matter.
func (s *seenRows) fresh(id []byte) bool {
	if len(id) == 0 {
		return !s.again
	}
	hash := maphash.Bytes(s.seed, id)
	if _, known := s.before[hash]; known {
		s.twice = s.twice || !s.again
		return false
	}
	s.now[hash] = struct{}{}
	return true
}

// page notes what a page says of the whole list.
func (s *seenRows) page(p pagination) {
	if p.count.Given {
		s.counts[p.count.Value], s.count = true, p.count
	}
}

// missing says that rows moved while so many were read, and that some were passed over: what left an earlier page drew
// them forward.
func (s *seenRows) missing(rows int) bool {
	moved := s.twice || len(s.counts) > 1
	return moved && s.count.Given && int64(rows) < s.count.Value
}

// pageSizes remember, by path, how many rows a page may have where a server takes fewer than is documented.
type pageSizes struct {
	mu     sync.Mutex
	byPath map[string]int
}

func (p *pageSizes) of(path string, documented int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size, ok := p.byPath[path]; ok {
		return min(size, documented)
	}
	return documented
}

func (p *pageSizes) learn(path string, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byPath == nil {
		p.byPath = map[string]int{}
	}
	p.byPath[path] = size
}

// smallerPage is the next size to try, 0 where there is none. 10 is the documented default of nearly every list.
func smallerPage(size int) int {
	sizes := []int{100, 50, 25, 10}
	if i := slices.IndexFunc(sizes, func(s int) bool { return s < size }); i >= 0 {
		return sizes[i]
	}
	return 0
}

// tooLarge says that the server refused the size of the page: by its code, or by the name of the parameter.
func tooLarge(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusBadRequest &&
		(e.Code == codePageLimit || strings.Contains(e.Message, "page[limit]"))
}

var noEntity = regexp.MustCompile(`(?i)\bno (entity|entities) (was |were )?found\b`)

// emptyList says that NetBackup answers 404 to say that the list has no rows.
func emptyList(err error, documented bool) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == ErrNotOffered && e.Status == http.StatusNotFound &&
		(documented || e.Code == codeNoEntity || noEntity.MatchString(e.Message))
}
