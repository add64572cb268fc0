package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/pprof"
	"time"

	"backwire/agent/config"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"
)

//go:embed page/index.html
var pageText string

//go:embed page/style.css
var pageStyle string

//go:embed page/refresh.js
var pageScript string

// pageFacts is what the page shows. It only reads.
type pageFacts interface {
	Status() Status
	Pictures() []SitePicture
}

// page answers at BACKWIRE_LISTEN.
type page struct {
	facts    pageFacts
	where    *time.Location // whose night it is
	template *template.Template
	policy   string // Content-Security-Policy
	log      *slog.Logger
}

func newPage(facts pageFacts, where *time.Location, metrics prometheus.Gatherer, log *slog.Logger) http.Handler {
	p := &page{
		facts: facts, where: where,
		template: template.Must(template.New("page").Funcs(pageWords()).Parse(pageText)),
		policy: "default-src 'none'; style-src '" + hashOf(pageStyle) + "'; script-src '" + hashOf(pageScript) +
			"'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		log: log,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /status.json", p.json)
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { p.answer(w, "healthy", p.facts.Status().Unhealthy) })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) { p.answer(w, "ready", p.facts.Status().Unready) })
	mux.HandleFunc("GET /debug/pprof/{profile}", p.profile)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{EnableOpenMetrics: true, ErrorLog: promLog{log}}))
	return p.guard(mux)
}

// hashOf is what a policy allows a text of the page by.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// guard sets what every answer says to a browser.
func (p *page) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", p.policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (p *page) index(w http.ResponseWriter, _ *http.Request) {
	var body bytes.Buffer
	v := look(p.facts.Status(), p.facts.Pictures(), p.where)
	v.Style, v.Script = template.CSS(pageStyle), template.JS(pageScript) //nolint:gosec // our own files
	err := p.template.Execute(&body, v)
	if err != nil {
		p.log.Error("status page", "err", err)
		http.Error(w, "the page cannot be shown; /status.json has the same information", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	p.write(w, body.Bytes())
}

func (p *page) json(w http.ResponseWriter, _ *http.Request) {
	body, err := json.MarshalIndent(p.facts.Status(), "", "  ")
	if err != nil {
		p.log.Error("status as JSON", "err", err)
		http.Error(w, "the status cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	p.write(w, append(body, '\n'))
}

// profile shows where the program's memory is and what its goroutines do, to this machine alone. It
// holds names of functions and no values.
func (p *page) profile(w http.ResponseWriter, r *http.Request) {
	detail, known := map[string]int{"heap": 0, "goroutine": 2}[r.PathValue("profile")]
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if !known || err != nil || !peer.Addr().Unmap().IsLoopback() {
		http.NotFound(w, r)
		return
	}
	var body bytes.Buffer
	if err := pprof.Lookup(r.PathValue("profile")).WriteTo(&body, detail); err != nil {
		p.log.Error("profile", "err", err)
		http.Error(w, "the profile cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	p.write(w, body.Bytes())
}

// answer is 200 where there is nothing against it.
func (p *page) answer(w http.ResponseWriter, what, against string) {
	if against != "" {
		http.Error(w, "not "+what+": "+against, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	p.write(w, []byte(what+"\n"))
}

func (p *page) write(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		p.log.Debug("status page: the client closed the connection", "err", err)
	}
}

// pageWords are the template's functions.
func pageWords() template.FuncMap {
	return template.FuncMap{
		"since":   func(now, then time.Time) string { return Roughly(now.Sub(then)) },
		"ago":     func(now time.Time, then *time.Time) string { return Roughly(now.Sub(*then)) },
		"seconds": func(s float64) string { return Roughly(time.Duration(s * float64(time.Second))) },
		"stamp":   func(t time.Time) string { return t.Format(time.RFC3339) },
		"day":     func(now time.Time, t *time.Time) string { return t.In(now.Location()).Format("Mon 2 Jan 15:04") },
		"clock":   func(now, t time.Time) string { return t.In(now.Location()).Format("15:04:05") },
		"size":    ReadableSize,
		"bytes":   func(n float64) string { return ReadableSize(int64(n)) },
		"count":   grouped[uint64],
		"number":  grouped[int],
		"tone":    func(state string) tone { return map[string]tone{"up": good, "down": bad}[state] },
		"total": func(counts map[string]uint64) uint64 {
			var sum uint64
			for _, n := range counts {
				sum += n
			}
			return sum
		},
	}
}

// Roughly is a duration to two places: 850ms, 12s, 3m20s, 5h7m, 12d4h.
func Roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(time.Second / 10).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}

// ReadableSize is a number of bytes in the largest unit that leaves a whole number.
func ReadableSize(bytes int64) string {
	value, unit := float64(bytes), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

// promLog carries what the metrics' writer has to say.
type promLog struct{ log *slog.Logger }

func (p promLog) Println(v ...any) { p.log.Warn("metrics", "err", fmt.Sprint(v...)) }

// Limits of the page's server: it is for people and scrapers on this machine.
const (
	pageHeaderTimeout = 5 * time.Second
	pageReadTimeout   = 10 * time.Second
	pageWriteTimeout  = 30 * time.Second
	pageIdleTimeout   = time.Minute
	pageHeaderBytes   = 16 << 10
	pageStopTimeout   = time.Second
)

// serveGuarded serves behind what a web configuration file asks for; there may be none.
func serveGuarded(server *http.Server, listener net.Listener, guard config.File, log *slog.Logger) error {
	if guard == "" {
		return server.Serve(listener)
	}
	path := string(guard)
	return web.Serve(listener, server, &web.FlagConfig{WebConfigFile: &path}, log)
}

// servePage answers on the listener until ctx ends, then lets answers under way finish.
func servePage(ctx context.Context, listener net.Listener, handler http.Handler, guard config.File, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: pageHeaderTimeout, ReadTimeout: pageReadTimeout, WriteTimeout: pageWriteTimeout,
		IdleTimeout: pageIdleTimeout, MaxHeaderBytes: pageHeaderBytes,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	end := context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), pageStopTimeout)
		defer cancel()
		err := server.Shutdown(limited)
		if err != nil {
			err = server.Close()
		}
		stopped <- err
	})
	err := serveGuarded(server, listener, guard, log)
	if !errors.Is(err, http.ErrServerClosed) {
		end()
		return fmt.Errorf("status page on %s: %w", listener.Addr(), err)
	}
	return <-stopped
}
