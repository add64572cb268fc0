package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"backwire/remotewrite/receiver"
)

// A disk that is full does not end the agent: it says so, goes on counting, and writes what it kept
// once there is room again, whether somebody made it or the receiver took what was queued.
func TestFullDiskHeals(t *testing.T) {
	onlyInFull(t)
	for name, heal := range map[string]func(t *testing.T, r *receiver.Receiver, filler string){
		"when a file is removed": func(t *testing.T, _ *receiver.Receiver, filler string) {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		},
		"when the receiver is back": func(_ *testing.T, r *receiver.Receiver, _ string) { r.Always(nil) },
	} {
		t.Run(name, func(t *testing.T) { testFullDisk(t, heal) })
	}
}

func testFullDisk(t *testing.T, heal func(*testing.T, *receiver.Receiver, string)) {
	disk := mountMebibyte(t)
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 840<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r, push := startReceiver(t)
	r.Always(&receiver.Answer{Status: http.StatusServiceUnavailable})
	primary := startPrimary(t, dir, "--history", "400", "--history-span", "55m", "--jobs-per-minute", "0")
	primary.work(t, 600)
	env := append(agentEnv(t, dir, primary, push),
		"BACKWIRE_QUEUE_DIR="+filepath.Join(disk, "queue"), "BACKWIRE_QUEUE_SEGMENT_BYTES=64KiB")

	p := start(t, env, buildPrograms(t).backwire, "run")
	says(t, p, syscall.ENOSPC.Error())
	before := total(primary.truth(t))
	await(t, "jobs end while the disk is full", func() error { return grown(total(primary.truth(t)), before+20) })
	queue := agentStatus(t, env).Queue
	if queue.Failures == 0 || queue.PendingRecords == 0 {
		t.Errorf("%d commits failed, %d records are kept in memory; want some of both", queue.Failures, queue.PendingRecords)
	}
	t.Logf("full: %d bytes on disk in %d segments, %d commits failed, %d records in memory",
		queue.Bytes, queue.Segments, queue.Failures, queue.PendingRecords)

	heal(t, r, filler)
	says(t, p, "the queue can be written again")
	primary.work(t, 0)
	r.Always(nil)
	awaitDelivery(t, r, primary, env)
	nothingLost(t, p, env)
	nothingRefused(t, r)
}

// mountMebibyte is a directory on a disk of 1 MiB.
func mountMebibyte(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		if os.Getenv("BACKWIRE_TEST_REQUIRE") == "all" {
			t.Fatalf("a full disk is required and cannot be mounted: %v", err)
		}
		t.Skipf("left out: a full disk, because mounting one needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// says waits until a program has said something.
func says(t *testing.T, p *process, words string) {
	t.Helper()
	await(t, fmt.Sprintf("it says %q", words), func() error {
		if !strings.Contains(p.output(), words) {
			return errors.New("it has not said so")
		}
		return nil
	})
}
