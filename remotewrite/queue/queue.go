package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/source"
)

// Options are what a Queue uses. The zero value of a limit is its default, but for MaxAge.
type Options struct {
	MaxBytes     int64         // of all segments together; 2 GiB
	MaxAge       time.Duration // of a segment's newest sample; 0 is no limit
	SegmentBytes int64         // at which a new segment begins; 8 MiB
	PendingBytes int64         // of cycles kept in memory while the disk takes none; 32 MiB

	// Endpoints names whose cursors hold segments. Cursors of other names, which
	// the directory may have from before, hold nothing.
	Endpoints []string

	// Existing wants the directory to be there. It is not where a disk that is shared is with another host.
	Existing bool

	Logger *slog.Logger
	Clock  func() time.Time
}

// segmentRecords is after how many records a new segment begins at the latest, because two
// damaged ones side by side cost the rest of a segment.
const segmentRecords = 256

// ErrRetained says that a cycle was not written but is kept in memory and tried again with
// the next commit. It is lost if the program ends before.
var ErrRetained = errors.New("cycle kept in memory only")

func (o Options) withDefaults() Options {
	if o.MaxBytes == 0 {
		o.MaxBytes = 2 << 30
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 8 << 20
	}
	o.SegmentBytes = min(o.SegmentBytes, o.MaxBytes/4) // or the oldest would be nearly all
	if o.PendingBytes == 0 {
		o.PendingBytes = 32 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}

// Queue keeps cycles in order on disk until every endpoint has them. Its methods are for
// any goroutine.
type Queue struct {
	options Options
	logger  *slog.Logger
	dir     *directory // nil where the file system is not a directory's; changed by who has the turn
	files   wal.Dir    // of dir
	moves   atomic.Uint64
	fs      wal.FS
	log     *wal.Log

	// turn is taken by whoever writes to the log or removes from it. It is not a lock, because a
	// write may last: nobody waits for it but the next writer.
	turn     chan struct{}
	untidy   atomic.Bool // a cursor has moved since segments were last looked through
	packer   *record.Packer
	pending  *pending
	rolling  bool // the packer has begun a segment that the log has not
	halfway  bool // the packer is being changed; seen by a commit, one before has panicked
	failures int  // of commits since the last that was written
	stuck    bool // a segment could not be removed, and that was said
	stock    stock
	sites    []string // that are configured; nil where nobody said so

	mu      sync.Mutex // guards what follows; never held across I/O
	summary summary
	holders map[string]*holder // by endpoint
	losses  losses
}

// summary is where the log stands, for those who do not have the turn.
type summary struct {
	totals   record.Totals     // of all that was ever written
	contents []record.Contents // of segments that ended since the start and the one before, oldest first
	pending  record.Totals
	failures int
}

// Commit writes a cycle by one write and one sync. Without an error it is on the disk and
// will be delivered. With ErrRetained it is in memory and will be, if the disk comes back
// before the program ends and the memory's bound is reached. The cycle belongs to the caller
// again when Commit returns.
func (q *Queue) Commit(c source.Cycle) error {
	q.take()
	defer q.release()
	err := q.flush()
	if err == nil && !isEmpty(c) {
		err = q.write(c, false)
	}
	if errors.Is(err, wal.ErrTooLarge) {
		return q.refuse(c, err)
	}
	if err != nil {
		return q.retain(c, err)
	}
	q.recovered()
	q.trim(0)
	return nil
}

func (q *Queue) take() { q.turn <- struct{}{} }

func (q *Queue) release() {
	<-q.turn
	q.tidy()
}

func isEmpty(c source.Cycle) bool { return len(c.Batches) == 0 && len(c.Changes) == 0 }

// flush writes what is pending, oldest first.
func (q *Queue) flush() error {
	for !q.pending.empty() {
		c, silent := q.pending.first()
		err := q.writePending(c, silent)
		if errors.Is(err, wal.ErrTooLarge) {
			q.logger.Error("a cycle in memory was dropped", "error", q.refuse(c, err))
		} else if err != nil {
			return err
		}
		q.pending.drop()
		q.publish()
	}
	return nil
}

// writePending gives up a cycle that makes the packer panic: kept, it would do so for ever.
func (q *Queue) writePending(c source.Cycle, silent bool) error {
	ended := false
	defer func() {
		if !ended {
			q.pending.drop()
		}
	}()
	err := q.write(c, silent)
	ended = true
	return err
}

// refuse gives up a cycle whose changes of state alone are more than a record holds: kept, it would
// stop everything behind it.
func (q *Queue) refuse(c source.Cycle, cause error) error {
	q.lose(reasonTooLarge, record.Totals{Records: 1})
	return fmt.Errorf("commit cycle of %q: its state is lost: %w", c.Site, cause)
}

func (q *Queue) retain(c source.Cycle, cause error) error {
	q.failures++
	if !isEmpty(c) {
		lost := q.pending.add(c)
		q.lose(reasonMemory, lost)
	}
	q.publish()
	return fmt.Errorf("commit cycle of %q: %w (%d cycles, %d bytes): %w%s",
		c.Site, ErrRetained, len(q.pending.cycles), q.pending.bytes, cause, q.dir.advice(cause))
}

func (q *Queue) recovered() {
	if q.failures > 0 {
		q.logger.Info("the queue can be written again", "failures", q.failures)
		q.failures = 0
		q.publish()
	}
}

// write appends one record. After a failure nothing of that segment's end is trusted: the
// cycle goes into a new one, whose head says everything again.
func (q *Queue) write(c source.Cycle, silent bool) error {
	if err := q.reach(); err != nil {
		return err
	}
	if q.halfway {
		if err := q.recollect(); err != nil {
			return err
		}
	}
	if q.due() {
		if err := q.roll(); err != nil {
			return err
		}
	}
	err := q.append(c, silent)
	switch {
	case errors.Is(err, wal.ErrTooLarge) && !silent:
		q.lose(reasonTooLarge, record.Totals{Samples: cycleTotals(c).Samples})
		return q.write(c, true)
	case errors.Is(err, wal.ErrTooLarge), err == nil:
		return err
	}
	if again := q.roll(); again != nil {
		return errors.Join(err, again)
	}
	return q.append(c, silent)
}

func (q *Queue) append(c source.Cycle, silent bool) error {
	q.halfway = true
	before := q.packer.StateBytes()
	packed, late := q.packer.Pack(c, silent)
	if n := q.packer.StateBytes(); n > mostState && n > before {
		q.packer.Revert()
		q.halfway = false
		return fmt.Errorf("the state of all sites is %d bytes; at most %d fit in a segment: %w", n, mostState, wal.ErrTooLarge)
	}
	q.trim(int64(len(packed)))
	if _, err := q.log.Append(packed); err != nil {
		q.packer.Revert()
		q.halfway = false
		return err
	}
	q.packer.Keep()
	q.halfway = false
	q.lose(reasonOrder, record.Totals{Samples: uint64(late)})
	q.publish()
	return nil
}

// mostState is how many bytes the state of all sites may have: a segment's head holds it beside the series, and without a head
// nothing could be written any more.
const mostState = wal.MaxPayload - 8<<20

func (q *Queue) due() bool {
	return q.rolling || q.packer.Had.Records >= segmentRecords || q.log.SegmentBytes() >= q.options.SegmentBytes
}

// recollect brings the packer, which a panic has left half changed, to where the log is.
func (q *Queue) recollect() error {
	q.logger.Error("the last commit failed: the queue continues from what is on disk")
	if err := q.restore(wal.Recovery{}); err != nil {
		return err
	}
	q.halfway = false
	return nil
}

// roll begins a segment, in the packer and then in the log.
func (q *Queue) roll() error { return q.rollWith(q.expired()) }

// rollWith begins a segment in which sites have other names; those whose name is empty are left out.
func (q *Queue) rollWith(names map[string]string) error {
	q.halfway = true
	head := q.packer.RollWith(names)
	q.rolling, q.halfway = true, false
	q.trim(int64(len(head)))
	if err := q.log.Roll(head); err != nil {
		return err
	}
	q.rolling = false
	q.packer.Keep()
	q.packer.Had.Segment = q.log.End().Segment
	q.publish()
	q.takeStock()
	return nil
}

// publish tells those who do not have the turn where the log stands.
func (q *Queue) publish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := &q.summary
	m.totals = q.packer.Written()
	m.pending, m.failures = q.pending.totals(), q.failures
	m.note(q.packer.Past)
	m.note(q.packer.Had)
}

// note remembers what a segment holds.
func (m *summary) note(c record.Contents) {
	if c.Segment == 0 {
		return
	}
	i, known := slices.BinarySearchFunc(m.contents, c.Segment, func(c record.Contents, n uint64) int {
		return wal.Position{Segment: c.Segment}.Compare(wal.Position{Segment: n})
	})
	if known {
		m.contents[i] = c
		return
	}
	m.contents = slices.Insert(m.contents, i, c)
}

// Checkpoint is what the queue knows of a site: what was committed, and what is kept in
// memory and will be.
func (q *Queue) Checkpoint(site string) source.Checkpoint {
	q.take()
	defer q.release()
	known := q.packer.Checkpoint(site)
	q.pending.overlay(site, &known)
	return known
}

// Close writes what is pending, if the disk takes it, and releases the directory. Subscriptions are
// closed by who made them, before.
func (q *Queue) Close() error {
	q.take()
	defer func() { <-q.turn }()
	err := q.flush()
	if err != nil {
		err = fmt.Errorf("close queue: %d cycles in memory are lost: %w", len(q.pending.cycles), err)
	}
	q.takeStock()
	return errors.Join(err, q.log.Close(), q.dir.close())
}
