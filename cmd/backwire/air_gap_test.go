package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/source"
)

// blocksOf are the scripts of a document, by the comment that each begins with.
func blocksOf(t *testing.T, document string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^```sh\n# (.*?)\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		blocks[m[1]] = m[2]
	}
	return blocks
}

// reader is somebody who does what a document says, in directories of a test.
type reader struct {
	t       *testing.T
	blocks  map[string]string
	root    string // what the paths of the document begin with
	environ []string
	now     time.Time // for the person
}

// do runs a block line by line: backwire in this process, the rest by a shell, without what takes another user or a booted system. How long ago
// something was is counted from the person's time.
func (r *reader) do(block string) (out string) {
	r.t.Helper()
	script, found := r.blocks[block]
	if !found {
		r.t.Fatalf("the document has no block %q", block)
	}
	for line := range strings.Lines(script) {
		line = regexp.MustCompile(`/(etc/backwire|media/stick|var/lib/backwire)`).ReplaceAllString(strings.TrimSpace(line), r.root+"$0")
		line = strings.ReplaceAll(line, "--since 8d", "--since "+r.now.AddDate(0, 0, -8).UTC().Format(time.RFC3339))
		words := strings.Fields(line)
		switch words[0] {
		case "chown", "systemctl": // there is no user backwire here, and no service
		case "backwire":
			code, text := said(r.t, r.environ, words[1:]...)
			if code != exitOK {
				r.t.Fatalf("%s: exit code %d\n%s", line, code, text)
			}
			out += text
		default:
			if text, err := exec.Command("sh", "-euc", line).CombinedOutput(); err != nil {
				r.t.Fatalf("%s: %v\n%s", line, err, text)
			}
		}
	}
	return out
}

// The chapter as it stands, for three weeks and twice in each: what was collected arrives, each time and once. A service on the other side
// gives the same.
func TestAirGapChapter(t *testing.T) {
	needProgram(t, "openssl")
	for _, service := range []bool{false, true} {
		t.Run(fmt.Sprintf("service %t", service), func(t *testing.T) {
			t.Parallel()
			liveWithAirGap(t, service)
		})
	}
}

func liveWithAirGap(t *testing.T, service bool) {
	root := t.TempDir()
	for _, dir := range []string{"/etc/backwire", "/media/stick", "/var/lib/backwire-import/in"} {
		if err := os.MkdirAll(root+dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	arrived := receiver.New(receiver.Options{OutOfOrder: 30 * 24 * time.Hour}) // as the chapter wants it
	server := httptest.NewServer(arrived)
	defer server.Close()
	person := &reader{t: t, blocks: blocksOf(t, "../../docs/air-gap.md"), root: root, environ: []string{
		"BACKWIRE_QUEUE_DIR=" + filepath.Join(root, "queue"), "BACKWIRE_REMOTE_WRITE_URL=" + server.URL, "BACKWIRE_LOG_LEVEL=error",
	}}
	person.do("on the backup network, once")
	person.do("on the other side, once")
	inbox := root + "/var/lib/backwire-import/in"
	if service {
		person.do("on the other side, once, for the service")
		defer runFollower(t, person.environ, inbox, root+"/etc/backwire/trusted.pem")()
	}
	q, err := queue.Open(filepath.Join(root, "queue"), queue.Options{SegmentBytes: 4000})
	if err != nil {
		t.Fatal(err)
	}
	up := source.NewSeries(&source.Metric{Name: "nbu_up", Type: source.Gauge}, "", 0)
	cycles := 0
	person.now = time.Now().Truncate(time.Hour).AddDate(0, 0, -21)
	for transfer := range 6 {
		for range 84 { // hours
			cycle := source.Cycle{Site: "paris", Batches: []source.Batch{{T: person.now.UnixMilli(), Samples: []source.Sample{{Series: up, Value: float64(cycles)}}}}}
			if err := q.Commit(cycle); err != nil {
				t.Fatal(err)
			}
			cycles++
			person.now = person.now.Add(time.Hour)
		}
		person.do("on the backup network, each time")
		if service {
			person.do("on the other side, each time, for the service")
			await(t, "the service", func() error {
				if n := len(doneBundles(inbox)); n != transfer+1 {
					return fmt.Errorf("transfer %d: %d bundles are done", transfer, n)
				}
				return nil
			})
			person.do("on the other side, now and then, for the service")
		} else {
			person.do("on the other side, each time")
		}
		if n := held(arrived); n != cycles {
			t.Fatalf("after transfer %d: %d samples arrived, want %d", transfer, n, cycles)
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	nothingRefused(t, arrived)
}

// runFollower runs the service's command until it is stopped.
func runFollower(t *testing.T, environ []string, inbox, key string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan string, 1)
	go func() {
		var out strings.Builder
		if code := execute(ctx, []string{"queue", "import", "--follow", inbox, "--trusted-key", key, "--listen", ""}, environ, &out, &out); code == exitOK {
			out.Reset()
		}
		ended <- out.String()
	}()
	return func() {
		cancel()
		if out := <-ended; out != "" {
			t.Error(out)
		}
	}
}
