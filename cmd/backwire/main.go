// Command backwire is the agent's command line.
//
// It owns flags, signals, exit codes and what a person reads on a terminal; each subcommand is
// a file. It knows which rooms to wire together and never how they do their work. Invariant:
// the exit code tells what happened (0 well, 1 failed, 2 used wrongly, 78 configuration
// refused); service managers restart by it, so a wrong one would loop or stay down.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"backwire/agent"
)

// Exit codes. 78 is EX_CONFIG of sysexits.h: the unit does not start again after it.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 78
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := execute(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	root := newRoot(&shell{environ: environ, stdout: stdout, stderr: stderr})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errSaid) {
		fmt.Fprintf(stderr, "backwire: %v\n", err)
	}
	return exitCode(err)
}

// errSaid ends a command whose output has already told what is wrong.
var errSaid = errors.New("failed")

// usageError is a command line that cannot be meant.
type usageError struct{ error }

func exitCode(err error) int {
	var problems agent.Problems
	var usage usageError
	switch {
	case errors.As(err, &problems):
		return exitRefused
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}
