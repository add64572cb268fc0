package vendordoc

import (
	"os"
	"path/filepath"
	"testing"
)

// Directory is where the documents are: $BACKWIRE_OPENAPI_DIR, or ../shared/netbackup/openapi seen
// from the root of the module. Without them the test is skipped, or fails where
// BACKWIRE_TEST_REQUIRE=all says that nothing may be left out.
func Directory(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("BACKWIRE_OPENAPI_DIR")
	if dir == "" {
		dir = filepath.Join(moduleRoot(tb), "..", "shared", "netbackup", "openapi")
	}
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if os.Getenv("BACKWIRE_TEST_REQUIRE") == "all" {
		tb.Fatalf("the vendor's OpenAPI documents are not in %s", dir)
	}
	tb.Skipf("left out: the vendor's OpenAPI documents are not in %s", dir)
	return ""
}

func moduleRoot(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			tb.Fatal("there is no go.mod above the test")
		}
		dir = up
	}
}
