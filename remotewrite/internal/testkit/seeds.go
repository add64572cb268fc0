package testkit

import (
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Seeds is how many random histories to try: BACKWIRE_TEST_SEEDS, or as many as given.
func Seeds(t *testing.T, n uint64) uint64 {
	t.Helper()
	s := os.Getenv("BACKWIRE_TEST_SEEDS")
	if s == "" {
		return n
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Closed closes what a test has opened.
func Closed(t testing.TB, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// send delivers windows by an endpoint of its own, and returns its stats and what was
// rejected. The first canary has its own tests.

// CPU is what the process has used so far.
func CPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Noise is what snappy cannot pack.
func Noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}
