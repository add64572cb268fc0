package packagetest

import (
	"path/filepath"
	"strings"
	"testing"
)

// The binaries for other processors run, and do the main job.
func TestForeignBinariesWork(t *testing.T) {
	for arch, qemu := range map[string]string{"arm64": "qemu-aarch64-static", "ppc64le": "qemu-ppc64le-static", "s390x": "qemu-s390x-static"} {
		t.Run(arch, func(t *testing.T) {
			bounded(t, qemu)
			binary := filepath.Join(t.TempDir(), "backwire")
			command(t, "env", "GOARCH="+arch, "CGO_ENABLED=0", "go", "build", "-trimpath", "-o", binary, "backwire/cmd/backwire")
			if out := command(t, qemu, binary, "version"); !strings.Contains(out, "linux/"+arch) {
				t.Errorf("it says %q", out)
			}
			if out := command(t, qemu, binary, "demo"); !strings.Contains(out, "storage unit") {
				t.Errorf("the demo says %q", out)
			}
		})
	}
}
