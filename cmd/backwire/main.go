//go:build !man

// Command backwire is the command line of the agent.
//
// It handles flags, signals, exit codes and terminal output, with one file for each subcommand. It wires packages
// together and leaves the work to them. Exit codes are 0 success, 1 failure, 2 usage error, 78 invalid configuration;
// service managers decide by them whether to restart.
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
