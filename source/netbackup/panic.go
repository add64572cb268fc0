package netbackup

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// panicError is a panic that was recovered: the failure of the part that it happened in.
type panicError struct {
	cause any
	stack []byte
}

// Error implements error.
func (p *panicError) Error() string { return fmt.Sprintf("panicked: %v", p.cause) }

// guarded runs f; its panic is its error. It must be called in the goroutine that f is to run in, because no other can
// recover it.
func guarded(f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicError{cause, debug.Stack()}
		}
	}()
	return f()
}

func panicked(err error) bool {
	_, is := errors.AsType[*panicError](err)
	return is
}
