package config

import (
	"fmt"
	"strings"
)

// Problem is one wrong setting: what is set, where, and what was expected.
type Problem struct {
	Variable string
	Value    string // as it may be shown: never a secret's, empty where there is none
	Origin   string // "file:line" in the env file; empty where the environment set it or nothing did
	Expected string
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Variable)
	if p.Value != "" {
		fmt.Fprintf(&b, "=%q", p.Value)
	}
	if p.Origin != "" {
		fmt.Fprintf(&b, " (%s)", p.Origin)
	}
	b.WriteString(": ")
	b.WriteString(p.Expected)
	return b.String()
}

// Problems is the error of a configuration that is refused: every problem at once.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return "configuration refused:\n  " + strings.Join(lines, "\n  ")
}
