package page

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

// Limits of the page's server: it is for people and scrapers on this machine.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = time.Minute
	headerBytes   = 16 << 10
	stopTimeout   = time.Second
)

// serveGuarded serves behind what a web configuration file asks for; there may be none.
func serveGuarded(server *http.Server, listener net.Listener, configFile string, log *slog.Logger) error {
	if configFile == "" {
		return server.Serve(listener)
	}
	return web.Serve(listener, server, &web.FlagConfig{WebConfigFile: &configFile}, log)
}

// Serve answers on the listener until ctx ends, then lets answers under way finish. A web configuration file, as of
// Prometheus and its exporters, says how it is guarded; there may be none.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, configFile string, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	end := context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err := server.Shutdown(limited)
		if err != nil {
			err = server.Close()
		}
		stopped <- err
	})
	err := serveGuarded(server, listener, configFile, log)
	if !errors.Is(err, http.ErrServerClosed) {
		end()
		return fmt.Errorf("status page on %s: %w", listener.Addr(), err)
	}
	return <-stopped
}
