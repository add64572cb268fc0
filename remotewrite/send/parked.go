package send

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// What a receiver fails on by itself, with a 5xx or without an answer in time, while it takes the canary, is parked: it is kept on
// disk and sent again with growing pauses, because a receiver may be down in part. It is rejected only after a day,
// or, the oldest first, where there is too much of it.
const (
	parkedFirst   = time.Minute // the first pause; each is twice as long as the one before
	parkedMost    = time.Hour
	parkedFor     = 24 * time.Hour
	maxParked     = 4 << 20 // bytes on disk
	parkedVersion = 1
)

// parkedSamples is what failed in one request.
type parkedSamples struct {
	Version   int       `json:"v"`
	Since     time.Time `json:"since"`
	Next      time.Time `json:"next"` // when it is sent again
	Tries     int       `json:"tries"`
	Rejection           // what it becomes after a day

	size int // bytes of its line
}

// parking keeps an endpoint's parked samples, in a file of lines like the rejected store's: a checksum (CRC32C), a
// space, and JSON. It is written anew with each change, which is seldom. Its methods are for any goroutine.
type parking struct {
	open bool     // whether anything may be parked
	root *os.Root // nil where it is kept in memory alone
	file string
	turn chan []parkedSamples // whoever has them may change them
}

// newParking reads what was parked before. A line that is damaged is told, and costs only itself.
func newParking(c Config, log *slog.Logger) (*parking, error) {
	p := &parking{open: !c.Repeats, file: c.Name + ".jsonl", turn: make(chan []parkedSamples, 1)}
	var all []parkedSamples
	if c.ParkedDir != "" && p.open {
		root, err := openParked(c.ParkedDir)
		if err != nil {
			return nil, fmt.Errorf("open parked samples: %w", err)
		}
		p.root = root
		kept, damaged, err := p.read()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open parked samples: %w", err), root.Close())
		}
		all = kept
		if damaged > 0 {
			log.Error("parked samples are damaged and lost", "file", p.file, "lines", damaged)
		}
	}
	p.turn <- all
	return p, nil
}

// openParked opens the directory, and makes it where it is missing.
func openParked(dir string) (*os.Root, error) {
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err == nil {
		parent, err := os.OpenRoot(filepath.Dir(dir))
		if err != nil {
			return nil, err
		}
		if err := errors.Join(syncRoot(parent), parent.Close()); err != nil {
			return nil, err
		}
	}
	return os.OpenRoot(dir)
}

func (p *parking) read() (all []parkedSamples, damaged int, err error) {
	b, err := p.root.ReadFile(p.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	for line := range bytes.Lines(b) {
		s, err := parseParked(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			damaged++
			continue
		}
		all = append(all, s)
	}
	return all, damaged, nil
}

func parseParked(line []byte) (parkedSamples, error) {
	sum, b, _ := bytes.Cut(line, []byte(" "))
	s := parkedSamples{size: len(line)}
	if want, err := strconv.ParseUint(string(sum), 16, 32); err != nil || uint32(want) != LineSum(b) {
		return s, errors.New("damaged: wrong checksum")
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, err
	}
	if s.Version != parkedVersion {
		return s, fmt.Errorf("version %d is not supported, only %d", s.Version, parkedVersion)
	}
	return s, nil
}

// change puts others in the place of some and returns when that is on the disk, with those that there is no room for,
// the oldest, and how many samples are parked. On an error nothing has changed.
func (p *parking) change(gone func(parkedSamples) bool, more ...parkedSamples) (over []parkedSamples, samples int, err error) {
	all := <-p.turn
	defer func() { p.turn <- all }()
	now := slices.Concat(slices.DeleteFunc(slices.Clone(all), gone), more)
	var lines [][]byte
	size := 0
	for i := range now {
		line, err := EncodeLine(now[i])
		if err != nil {
			return nil, 0, fmt.Errorf("keep parked samples: %w", err)
		}
		now[i].size = len(line)
		lines = append(lines, line)
		size += len(line)
	}
	for len(now) > 0 && size > maxParked {
		over = append(over, now[0])
		size -= now[0].size
		now, lines = now[1:], lines[1:]
	}
	if p.root != nil {
		if err := p.write(bytes.Join(lines, nil)); err != nil {
			return nil, 0, fmt.Errorf("keep parked samples: %w", err)
		}
	}
	all = now
	for i := range all {
		samples += all[i].Samples
	}
	return over, samples, nil
}

// write replaces the file.
func (p *parking) write(b []byte) error {
	next := p.file + ".new"
	f, err := p.root.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := p.root.Rename(next, p.file); err != nil {
		return err
	}
	return syncRoot(p.root)
}

// due are those that are to be sent again, and when the next of the others is; the zero time where there is none.
func (p *parking) due(now time.Time) (due []parkedSamples, next time.Time) {
	all := <-p.turn
	defer func() { p.turn <- all }()
	for _, s := range all {
		switch {
		case !s.Next.After(now):
			due = append(due, s)
		case next.IsZero() || s.Next.Before(next):
			next = s.Next
		}
	}
	return due, next
}

func (p *parking) samples() (n int) {
	all := <-p.turn
	defer func() { p.turn <- all }()
	for i := range all {
		n += all[i].Samples
	}
	return n
}

func (p *parking) close() error {
	if p.root == nil {
		return nil
	}
	return p.root.Close()
}

// setAside gives what was refused of a request its place: what failed is parked, the rest is rejected. What cannot be
// kept is rejected too, so that it is counted and told.
func (e *Endpoint) setAside(all []refusal) {
	var failed, refused []refusal
	for _, r := range all {
		if e.parking.open && mayPass(&r.answer) {
			failed = append(failed, r)
		} else {
			refused = append(refused, r)
		}
	}
	e.reject(refused)
	now := time.Now()
	var more []parkedSamples
	for _, r := range byStatus(failed) {
		more = append(more, e.parked(r, now, now, 0))
	}
	if len(more) > 0 {
		e.park(func(parkedSamples) bool { return false }, more)
	}
}

// mayPass reports whether an answer is a failure and no refusal.
func mayPass(a *answer) bool { return a.status == 0 || a.status >= 500 }

// parked is samples that were refused, with when they are sent again.
func (e *Endpoint) parked(r refusal, since, now time.Time, tries int) parkedSamples {
	words := r.answer.words
	if r.answer.err != nil {
		words = r.answer.describe()
	}
	return parkedSamples{
		Version: parkedVersion, Since: since, Tries: tries, Next: now.Add(min(parkedFirst<<min(tries, 10), parkedMost)),
		Rejection: Rejection{
			Time: now, Endpoint: e.config.Name, Status: r.answer.status, Words: words,
			Samples: r.window.Samples, Series: rejectedSeries(r.window, r.window.Whole()),
		},
	}
}

// park changes what is parked, and rejects what there is no room for.
func (e *Endpoint) park(gone func(parkedSamples) bool, more []parkedSamples) {
	over, samples, err := e.parking.change(gone, more...)
	if err != nil {
		e.log.Error("failing samples cannot be parked", "error", err)
		over, samples = more, e.parking.samples()
	}
	e.recorder.parked(samples)
	for _, s := range more {
		if e.recorder.news("parked") {
			e.log.Warn("the receiver fails on some samples and accepts others: the failing ones are parked and sent again for a day",
				"samples", s.Samples, "series", s.Series[0].String(), "status", s.Status, "answer", s.Words)
		}
	}
	for _, s := range over {
		e.giveUp(s.Rejection, "no space left to park it: "+s.Words)
	}
}

// sendParked sends again what is due. The canary goes first: while the receiver takes nothing there is nothing to learn.
func (e *Endpoint) sendParked(l life) error {
	due, _ := e.parking.due(time.Now())
	if len(due) == 0 || l.over() {
		return nil
	}
	s := e.shards[0]
	if _, a := s.ask(l, e.protocol()); judge(a, false) != delivered {
		now := time.Now()
		for i := range due {
			due[i].Next = now.Add(parkedFirst)
		}
		e.park(sameAs(due), due)
		return nil
	}
	for _, p := range due {
		if err := s.sendParked(l, p); err != nil {
			return err
		}
	}
	return nil
}

// sameAs reports whether parked samples are among some.
func sameAs(some []parkedSamples) func(parkedSamples) bool {
	return func(p parkedSamples) bool {
		return slices.ContainsFunc(some, func(o parkedSamples) bool {
			return o.Since.Equal(p.Since) && o.Time.Equal(p.Time) && o.size == p.size
		})
	}
}

func (s *shard) sendParked(l life, p parkedSamples) error {
	e, w := s.endpoint, p.Window()
	last := time.Since(p.Since) >= parkedFor
	b := &bisect{shard: s, window: w, aside: true, patient: last}
	s.mode = piecesAside
	defer func() { s.mode = requests }()
	if _, err := b.try(l, w); err != nil {
		return err
	}
	if err := b.confirm(l); err != nil {
		return err
	}
	last = last && !b.failed // or it may be the receiver and not the samples
	var more []parkedSamples
	var refused, failed []refusal
	for _, r := range b.refused {
		if mayPass(&r.answer) && !last {
			failed = append(failed, r)
		} else {
			refused = append(refused, r)
		}
	}
	for _, r := range byStatus(failed) {
		more = append(more, e.parked(r, p.Since, time.Now(), p.Tries+1))
	}
	e.reject(refused)
	e.park(sameAs([]parkedSamples{p}), more)
	return nil
}

// syncRoot makes the names in a directory durable.
func syncRoot(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
