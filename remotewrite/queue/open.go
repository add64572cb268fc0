package queue

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

// Open locks the directory, restores every site's state and goes on where the log ends. A
// damaged log does not stop it; one of a newer version, a directory in use or one that cannot be
// written does.
func Open(dir string, o Options) (*Queue, error) {
	d, err := openDirectory(dir, o.Existing)
	if err != nil {
		return nil, err
	}
	files := wal.NewDir(d.root)
	q, err := OpenOn(files, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open queue %s: %w%s", d.path, err, Advice(err, d.path)), d.close())
	}
	q.dir, q.files = d, files
	return q, nil
}

// ours are the files beside the log's: the inventory, and the rejected store's (package rejected).
var ours = []string{"rejected.jsonl", "rejected.older.jsonl", inventoryFile}

// OpenOn is Open on files that are not a directory's, as of a disk that may crash. Nobody locks them.
func OpenOn(fs wal.FS, o Options) (*Queue, error) {
	o = o.withDefaults()
	q := &Queue{
		options: o,
		logger:  o.Logger,
		fs:      fs,
		turn:    make(chan struct{}, 1),
		pending: &pending{limit: o.PendingBytes},
		holders: make(map[string]*holder),
		losses:  make(losses),
	}
	var err error
	if q.stock, err = readStock(fs); err != nil {
		o.Logger.Error("the queue's inventory cannot be read", "error", err)
	}
	if q.stock.damage != nil {
		o.Logger.Warn("the queue's inventory is damaged", "error", q.stock.damage)
	}
	log, recovery, err := wal.Open(fs, wal.Options{Logger: o.Logger, Others: ours, Known: wal.Extent{Segment: q.stock.Segment, Seq: q.stock.Sequence}})
	if err != nil {
		return nil, err
	}
	q.log = log
	if err := q.restore(recovery); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	if err := q.holdAll(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	q.miss()
	if q.stock.damage != nil {
		q.takeStock()
	}
	if s := log.Segments(); len(s) > 1 {
		q.contents(s[0], s[1])
	}
	q.publish()
	return q, nil
}

// restore brings the packer to where the log ends, from the newest segment; where nothing of
// that can be understood, from the one before.
func (q *Queue) restore(recovery wal.Recovery) error {
	if recovery.Cut != nil {
		q.logger.Warn("removed an interrupted write; it was never committed",
			"segment", recovery.Cut.Segment, "offset", recovery.Cut.Offset, "bytes", recovery.Cut.Bytes)
	}
	segments := q.log.Segments()
	for i, s := range slices.Backward(segments) {
		r, err := q.replay(s.Number)
		if err != nil {
			return fmt.Errorf("restore state from segment %d: %w", s.Number, err)
		}
		if r.Had.Segment == 0 {
			q.logger.Error("the state in the newest segment cannot be read, so an older one is used: jobs may be counted again",
				"segment", s.Number)
			continue
		}
		last := i == len(segments)-1 && r.Broken == nil && r.Damage == nil && r.At == q.log.End()
		q.packer = record.NewPacker(r.Image)
		if last && r.Seq == q.log.Extent().Seq { // else it would be taken for a record that is gone
			q.packer.Follow(r.Block)
		}
		q.rolling = !last || !recovery.Appendable
		return nil
	}
	if len(segments) > 0 {
		q.logger.Error("no state can be read from any segment: every site starts from zero", "segments", len(segments))
	}
	q.packer, q.rolling = record.NewPacker(record.NewImage()), true
	return nil
}

// replay reads from a segment's head to the end of the log.
func (q *Queue) replay(segment uint64) (*window.Reader, error) {
	r := window.NewReader(q.log, wal.Position{Segment: segment}, q.reportState)
	r.State, r.KeepBlock = true, true
	var err error
	for err == nil {
		err = r.StepPatiently()
	}
	if !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, r.Close())
	}
	return r, r.Close()
}

func (q *Queue) reportState(l window.Loss) {
	q.lose(reasonDamaged, l.Lost)
	q.logger.Warn("damage in the queue while restoring state",
		"segment", l.Segment, "offset", l.Offset, "lost_records", l.Lost.Records, "error", l.Err)
}
