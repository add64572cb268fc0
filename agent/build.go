package agent

import "runtime/debug"

// Revision is the commit that the program was built from, as the toolchain wrote it into the binary: twelve digits, and "-dirty" where files
// differed from it.
func Revision() string {
	revision, dirty := "unknown", ""
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return revision
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	return revision + dirty
}
