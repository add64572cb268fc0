package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"backwire/agent"
	"backwire/agent/config"
	"backwire/source"
)

// Exit codes. 78 is EX_CONFIG of sysexits.h: the unit does not start again after it.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 78
)

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	root := newRoot(&shell{
		environ: environ, stdout: stdout, stderr: stderr,
		stdin: os.Stdin, interactive: term.IsTerminal(int(os.Stdin.Fd())),
	})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errSaid) {
		fmt.Fprintf(stderr, "backwire: %s\n", printableLines(err.Error()))
	}
	return exitCode(err)
}

// printableLines leaves a text its lines, which are ours, and nothing else that a terminal obeys: a message may
// repeat what a server, a receiver or a file says.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = source.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// errSaid ends a command whose output already says what is wrong.
var errSaid = errors.New("failed")

// usageError is a command line that cannot be meant.
type usageError struct{ error }

// refusedError is a configuration that cannot be meant, beside those of config.Problems.
type refusedError struct{ error }

func (e refusedError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var problems config.Problems
	var refused refusedError
	var usage usageError
	switch {
	case errors.As(err, &problems), errors.As(err, &refused), errors.Is(err, agent.ErrRenamed):
		return exitRefused
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}
