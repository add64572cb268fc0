package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"backwire/remotewrite/queue"
	"backwire/source"
)

// fillQueue commits cycles of 20 series, a minute apart, the last of them at about now, and
// returns the queue's directory and settings.
func fillQueue(t *testing.T, cycles int) (dir string, environ []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "queue")
	q, err := queue.Open(dir, queue.Options{SegmentBytes: 4000})
	if err != nil {
		t.Fatal(err)
	}
	metric := &source.Metric{Name: "nbu_jobs_completed_total", Type: source.Counter, Durable: true}
	var series []*source.Series
	for i := range 20 {
		series = append(series, source.NewSeries(metric, "", 0, source.Label{Name: "policy", Value: "p" + strconv.Itoa(i)}))
	}
	began := time.Now().Truncate(time.Minute).Add(-time.Duration(cycles) * time.Minute)
	for n := range cycles {
		b := source.Batch{T: began.Add(time.Duration(n) * time.Minute).UnixMilli()}
		for i, s := range series {
			b.Samples = append(b.Samples, source.Sample{Series: s, Value: float64(n * (i + 1))})
		}
		if err := q.Commit(source.Cycle{Site: "paris", Batches: []source.Batch{b}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, []string{"BACKWIRE_QUEUE_DIR=" + dir}
}

// said runs a command line and returns its exit code and everything it printed.
func said(t *testing.T, environ []string, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code := execute(t.Context(), args, environ, &out, &out)
	return code, out.String()
}

// tree is the content of every file below a directory, by path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}
