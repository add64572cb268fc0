package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"backwire/agent"
)

func newVersion(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(sh.stdout, readBuild())
			return nil
		},
	}
}

// build is what the Go toolchain wrote into the binary.
type build struct {
	version, revision string
	fips              string // the validated module it computes with, empty for none
}

func (b build) String() string {
	fips := ""
	if b.fips != "" {
		fips = ", FIPS 140-3 module " + b.fips
	}
	return fmt.Sprintf("backwire %s (revision %s, %s, %s/%s%s)", b.version, b.revision, runtime.Version(), runtime.GOOS, runtime.GOARCH, fips)
}

func readBuild() build {
	b := build{version: "(devel)", revision: agent.Revision()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "GOFIPS140" {
			b.fips = s.Value
		}
	}
	return b
}
