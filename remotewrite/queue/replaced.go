package queue

import (
	"errors"
	"fmt"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
)

// reach makes sure that what is written can be found again. Where another directory has taken the queue's
// place it goes on there with a new log, if there is none yet: the state is in memory, and the next segment's
// head says all of it.
func (q *Queue) reach() error {
	err := q.dir.check()
	if !errors.Is(err, errReplaced) {
		return err
	}
	if failed := q.replace(); failed != nil {
		return fmt.Errorf("%w: %w", err, failed)
	}
	return nil
}

// replace gives up what was in the old directory. It needs the turn.
func (q *Queue) replace() error {
	next, err := q.dir.successor()
	if err != nil {
		return err
	}
	begin := wal.Position{Segment: q.log.End().Segment + 1}
	if err := q.copyCursors(wal.NewDir(next.root), begin); err != nil {
		return errors.Join(err, next.close())
	}
	q.logger.Error("the queue directory was replaced by an empty one: the agent continues there; the contents of the old one are lost", "dir", next.path)
	q.abandon(begin)
	q.files.Move(next.root)
	q.moves.Add(1)
	old := q.dir
	q.dir = next
	if err := old.close(); err != nil {
		q.logger.Warn("cannot close the removed directory", "error", err)
	}
	return nil
}

// abandon counts what every endpoint loses with the whole log, and has each go on where the next begins.
func (q *Queue) abandon(begin wal.Position) {
	segments := q.log.Segments()
	for i, s := range segments {
		q.give(q.contents(s, segments[min(i+1, len(segments)-1)]), reasonGone)
		q.forget(s.Number)
	}
	p := q.packer
	p.Before, p.Past, p.Had = p.Written(), p.Had, record.Contents{}
	p.Past.Segment = 0 // there is none before the next
	q.log.Forget()
	q.rolling = true
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, h := range q.holders {
		h.at, h.done, h.inside, h.lost = onward(h.newest().at, begin), p.Before, record.Totals{}, record.Totals{}
		h.passed = nil
	}
}

// onward is where an endpoint goes on that a new log waits for: not before where it is, because the log before may have
// been gone already.
func onward(at, begin wal.Position) wal.Position {
	if at.Compare(begin) > 0 {
		return at
	}
	return begin
}

// copyCursors gives every endpoint its place in another directory.
func (q *Queue) copyCursors(to wal.FS, begin wal.Position) error {
	q.mu.Lock()
	places := make(map[string]wal.Position, len(q.holders))
	for name, h := range q.holders {
		places[name] = onward(h.newest().at, begin)
	}
	q.mu.Unlock()
	for name, at := range places {
		cursor, err := storeCursor(to, name, at)
		if err != nil {
			return err
		}
		if err := cursor.Close(); err != nil {
			return err
		}
	}
	return nil
}

func storeCursor(to wal.FS, name string, at wal.Position) (*wal.Cursor, error) {
	cursor, err := wal.OpenCursor(to, name)
	if err != nil {
		return nil, err
	}
	if err := cursor.Store(at); err != nil {
		return nil, errors.Join(err, cursor.Close())
	}
	return cursor, nil
}

// follow goes on with the cursor where the queue has gone.
func (s *Subscription) follow() error {
	moves := s.queue.moves.Load()
	if moves == s.moves {
		return nil
	}
	cursor, err := storeCursor(s.queue.fs, s.name, s.Position())
	if err != nil {
		return err
	}
	old := s.cursor
	s.cursor, s.moves, s.places = cursor, moves, wal.Places{At: s.Position()}
	s.live.begun, s.live.note = wal.Position{}, nil
	if s.past != nil {
		_ = s.past.reader.Close() // of what is gone
		s.past = nil
	}
	_ = old.Close() // nobody will see it again
	return nil
}
