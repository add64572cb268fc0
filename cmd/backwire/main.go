//go:build !man

// Command backwire is the agent's command line.
//
// It owns flags, signals, exit codes and what a person reads on a terminal; each subcommand is
// a file. It knows which rooms to wire together and never how they do their work. Invariant:
// the exit code tells what happened (0 well, 1 failed, 2 used wrongly, 78 configuration
// refused); service managers restart by it, so a wrong one would loop or stay down.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends what does not heed the first
	code := execute(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
