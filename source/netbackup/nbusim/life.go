package nbusim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// life is a server that listens. It is empty while the server does not.
type life struct {
	mu      sync.Mutex
	http    *http.Server
	url     string
	serving chan error // gives the end of Serve, once
}

const readHeaderTimeout = 30 * time.Second

// Start listens without TLS; address is "127.0.0.1:0" where it is empty.
func (s *Server) Start(address string) error { return s.listen(address, "http", nil) }

// StartTLS listens with a certificate of the server's own authority.
func (s *Server) StartTLS(address string) error {
	return s.listen(address, "https", &tls.Config{
		Certificates: []tls.Certificate{s.authority.leaf},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	})
}

func (s *Server) listen(address, scheme string, secure *tls.Config) error {
	if address == "" {
		address = "127.0.0.1:0"
	}
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if s.life.http != nil {
		return fmt.Errorf("listen on %s: the server already listens on %s", address, s.life.url)
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	s.life.url = scheme + "://" + l.Addr().String() + Mount
	s.life.serving = make(chan error, 1)
	s.life.http = &http.Server{
		Handler:           s,
		TLSConfig:         secure,
		ReadHeaderTimeout: readHeaderTimeout,
		ErrorLog:          log.New(io.Discard, "", 0), // aborted connections are what faults are for
	}
	go func(h *http.Server, ended chan<- error) { // Close waits for it
		if secure == nil {
			ended <- h.Serve(l)
			return
		}
		ended <- h.ServeTLS(l, "", "")
	}(s.life.http, s.life.serving)
	return nil
}

// URL is what an agent is configured with; it is empty while the server does not listen.
func (s *Server) URL() string {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	return s.life.url
}

// TruthURL is where the truth is served, empty while the server does not listen.
func (s *Server) TruthURL() string {
	if u := s.URL(); u != "" {
		return strings.TrimSuffix(u, Mount) + controlMount + "truth"
	}
	return ""
}

// Shutdown stops listening and lets running answers end until ctx is done.
func (s *Server) Shutdown(ctx context.Context) error {
	return s.stop(func(h *http.Server) error { return h.Shutdown(ctx) })
}

// Close stops listening at once. A closed server may be started again.
func (s *Server) Close() error { return s.stop((*http.Server).Close) }

func (s *Server) stop(how func(*http.Server) error) error {
	s.life.mu.Lock()
	h, serving := s.life.http, s.life.serving
	s.life.http, s.life.url = nil, ""
	s.life.mu.Unlock()
	if h == nil {
		return nil
	}
	err := how(h)
	if e := <-serving; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
