// Package guard keeps failures of one part of a site from the other parts: a panic, or an exceeded limit, becomes an
// error of the part in which it happened.
//
// It defines these two errors and does not know what the part does. Nothing that Run executes ends the program, unless
// it starts its own goroutine.
package guard

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// Panic is a panic that was recovered: the failure of the part that it happened in.
type Panic struct {
	Cause any
	Stack []byte
}

// Error implements error.
func (p *Panic) Error() string { return fmt.Sprintf("panicked: %v", p.Cause) }

// Run runs f; its panic is its error. It must be called in the goroutine that f is to run in, because no other can
// recover it.
func Run(f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &Panic{cause, debug.Stack()}
		}
	}()
	return f()
}

// Panicked says that an error is a panic.
func Panicked(err error) bool {
	_, is := errors.AsType[*Panic](err)
	return is
}

// Limit says what was more than it may be.
type Limit struct {
	What string
	Most int
	Unit string
}

// Error implements error.
func (l Limit) Error() string {
	return fmt.Sprintf("%s of more than %d %s is refused", l.What, l.Most, l.Unit)
}

// Beyond says that an error is a limit.
func Beyond(err error) bool {
	_, is := errors.AsType[Limit](err)
	return is
}
