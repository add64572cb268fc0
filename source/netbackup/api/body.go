package api

import (
	"context"
	"errors"
	"io"
	"math/bits"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Bodies limits the bytes of all answers in memory, for all sites together. Small answers share a pool. A site may use as
// much of it as it leaves to the others, so there is always space for one more. An answer that exceeds its share waits for
// the single place for large answers. Bodies is safe for concurrent use.
type Bodies struct {
	pool  *semaphore.Weighted // bytes
	used  atomic.Int64        // of them
	large *semaphore.Weighted // 1
	spare sync.Pool           // of *[]byte: the memory of answers that have been read
}

const (
	poolBytes  = 12 << 20
	firstBytes = 64 << 10 // that an answer begins with
	smallBytes = 1 << 20  // that an answer may have of the pool
	largeTime  = 10 * time.Second
)

// NewBodies returns the memory for the answers of an agent.
func NewBodies() *Bodies {
	return &Bodies{pool: semaphore.NewWeighted(poolBytes), large: semaphore.NewWeighted(1)}
}

const errSlowBody Fault = "the answer is larger than 1 MiB and takes longer than 10 s"

// heldBody is the body of an answer and its memory. Release returns the memory.
type heldBody struct {
	client *Client
	bytes  []byte
	held   int64 // of the pool
	large  bool
}

func (b *heldBody) release() {
	if b.held > 0 {
		b.client.inPool.Add(-b.held)
		b.client.cfg.Bodies.used.Add(-b.held)
		b.client.cfg.Bodies.pool.Release(b.held)
	}
	if b.large {
		b.client.cfg.Bodies.large.Release(1)
		b.client.largeTurn.Release(1)
	}
	b.reuse()
	b.held, b.large, b.bytes = 0, false, nil
}

// reuse lets another answer have this memory, where it is of the pool.
func (b *heldBody) reuse() {
	if n := cap(b.bytes); n > 0 && n <= smallBytes {
		empty := b.bytes[:0]
		b.client.cfg.Bodies.spare.Put(&empty)
	}
}

// begin returns memory of the pool for an answer of a length, of one that has been read where there is any.
func (b *heldBody) begin(ctx context.Context, length int64) error {
	room := b.firstRoom(length)
	spare, _ := b.client.cfg.Bodies.spare.Get().(*[]byte)
	if spare == nil || int64(cap(*spare)) < room || int64(cap(*spare)) > room && !b.fair(int64(cap(*spare))) {
		spare = nil
	} else {
		room = int64(cap(*spare))
	}
	if err := b.client.cfg.Bodies.pool.Acquire(ctx, room); err != nil { // nothing of this answer is held meanwhile
		return err
	}
	b.keep(room)
	if spare != nil {
		b.bytes = *spare
	} else {
		b.bytes = make([]byte, 0, room)
	}
	return nil
}

// readBody reads an answer to its end, or an error up to its limit. broken cancels the read with a cause.
func (c *Client) readBody(ctx context.Context, resp *http.Response, broken context.CancelCauseFunc) (*heldBody, error) {
	b := &heldBody{client: c}
	if err := b.begin(ctx, resp.ContentLength); err != nil {
		return b, err
	}
	most := bodyLimit
	if resp.StatusCode >= http.StatusMultipleChoices {
		most = errorLimit
	}
	for {
		n, err := resp.Body.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			if cause := context.Cause(ctx); errors.Is(cause, errSlowBody) {
				err = cause
			}
			return b, err
		case len(b.bytes) < cap(b.bytes):
			continue
		case most == errorLimit:
			return b, nil
		case len(b.bytes) >= most:
			return b, atEnd(resp.Body)
		}
		if err := b.grow(ctx, broken); err != nil {
			return b, err
		}
	}
}

// atEnd is nil where a body that is as large as may be has no byte more.
func atEnd(body io.Reader) error {
	switch n, err := io.ReadFull(body, make([]byte, 1)); {
	case n > 0:
		return errOversized
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// firstRoom is the initial memory of an answer: more than its length, so that its end is seen without growing, if that is announced and
// within the share. It is a power of two, so that the next answer, which is seldom as long to the byte, finds room in it.
func (b *heldBody) firstRoom(length int64) int64 {
	if length < firstBytes || length >= smallBytes {
		return firstBytes
	}
	if room := int64(1) << bits.Len64(uint64(length)); b.fair(room) {
		return room
	}
	return firstBytes
}

// fair says that a site has no more of the pool than is left to the others.
func (b *heldBody) fair(more int64) bool {
	return b.client.inPool.Load()+more <= poolBytes-b.client.cfg.Bodies.used.Load()
}

func (b *heldBody) keep(n int64) {
	b.held += n
	b.client.inPool.Add(n)
	b.client.cfg.Bodies.used.Add(n)
}

// grow doubles the memory.
func (b *heldBody) grow(ctx context.Context, broken context.CancelCauseFunc) error {
	room := b.client.cfg.Bodies
	more := int64(cap(b.bytes))
	switch {
	case b.large:
	case cap(b.bytes) < smallBytes && b.fair(more) && room.pool.TryAcquire(more):
		b.keep(more)
	default:
		if err := b.takeTurn(ctx, broken); err != nil {
			return err
		}
	}
	grown := make([]byte, len(b.bytes), 2*cap(b.bytes))
	copy(grown, b.bytes)
	b.bytes = grown
	return nil
}

// takeTurn waits for the place of large answers: behind the site's own, so that others wait for one of each site at most.
// Who has it has it for a short time.
func (b *heldBody) takeTurn(ctx context.Context, broken context.CancelCauseFunc) error {
	if err := b.client.largeTurn.Acquire(ctx, 1); err != nil {
		return err
	}
	if err := b.client.cfg.Bodies.large.Acquire(ctx, 1); err != nil {
		b.client.largeTurn.Release(1)
		return err
	}
	b.large = true
	timer := time.AfterFunc(largeTime, func() { broken(errSlowBody) })
	context.AfterFunc(ctx, func() { timer.Stop() })
	return nil
}
