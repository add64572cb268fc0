package testkit

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"backwire/remotewrite/receiver"
	"backwire/source"
)

// Loopback carries requests to an http.Handler without a network, so that time can stand still.
type Loopback struct{ To http.Handler }

// RoundTrip implements http.RoundTripper.
func (w Loopback) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			resp, err = nil, io.ErrUnexpectedEOF
		}
		r.Body.Close()
	}()
	rec := httptest.NewRecorder()
	w.To.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

// Data are a receiver's series without the canaries.
func Data(r *receiver.Receiver) []receiver.Series {
	return slices.DeleteFunc(r.Series(), func(s receiver.Series) bool { return strings.HasPrefix(s.Name(), "backwire_canary") })
}

// ReceivedKey is the key of a receiver's series with these labels.
func ReceivedKey(labels []source.Label) string {
	var s receiver.Series
	for _, l := range labels {
		s.Labels = append(s.Labels, receiver.Label{Name: l.Name, Value: l.Value})
	}
	return s.Key()
}

// ContentOf is what the files below a directory hold.
func ContentOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	content := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		content[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// WriteFile writes a file, below a new directory where the name is not a path, and returns its path.
func WriteFile(t *testing.T, name, content string) string {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(t.TempDir(), name)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
