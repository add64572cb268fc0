package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"backwire/agent/config"
	"backwire/source/overview"
)

//go:embed index.html
var pageText string

//go:embed clients.html
var clientsText string

//go:embed style.css
var pageStyle string

//go:embed refresh.js
var pageScript string

// Facts is what the page shows. It only reads, and may be asked by several readers at a time.
type Facts interface {
	Status() Status
	Overviews() []*overview.Site
}

// page answers at BACKWIRE_LISTEN.
type page struct {
	facts    Facts
	where    *time.Location // whose night it is
	hours    config.Night
	template *template.Template
	policy   string // Content-Security-Policy
	log      *slog.Logger
}

// New makes the page of facts, in the time of a place, for what is called night there. It answers every request from memory.
func New(facts Facts, where *time.Location, hours config.Night, metrics prometheus.Gatherer, log *slog.Logger) http.Handler {
	texts := template.Must(template.New("page").Funcs(pageWords()).Parse(pageText))
	template.Must(texts.New("clients").Parse(clientsText))
	p := &page{
		facts: facts, where: where, hours: hours, template: texts,
		policy: "default-src 'none'; style-src '" + hashOf(pageStyle) + "'; script-src '" + hashOf(pageScript) +
			"'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		log: log,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /clients", p.clients)
	mux.HandleFunc("GET /clients.csv", p.clientsCSV)
	mux.HandleFunc("GET /failed.csv", p.failedCSV)
	mux.HandleFunc("GET /paused.csv", p.pausedCSV)
	mux.HandleFunc("GET /without-policy.csv", p.withoutPolicyCSV)
	mux.HandleFunc("GET /storage.csv", p.storageCSV)
	mux.HandleFunc("GET /jobs.csv", p.jobsCSV)
	mux.HandleFunc("GET /status.json", p.json)
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { p.answer(w, "healthy", p.facts.Status().Unhealthy) })
	mux.HandleFunc("GET /-/ready", p.ready)
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
	v := look(p.facts.Status(), p.facts.Overviews(), p.where, p.hours)
	p.render(w, "page", &v)
}

func (p *page) render(w http.ResponseWriter, name string, v any) {
	var body bytes.Buffer
	if err := p.template.ExecuteTemplate(&body, name, v); err != nil {
		p.log.Error("cannot show the status page", "error", err)
		http.Error(w, "the page cannot be shown; /status.json has the same information", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	p.write(w, body.Bytes())
}

func (p *page) json(w http.ResponseWriter, _ *http.Request) {
	body, err := json.MarshalIndent(p.facts.Status(), "", "  ")
	if err != nil {
		p.log.Error("cannot show the status as JSON", "error", err)
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
		p.log.Error("cannot show a profile", "error", err)
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

// ready also tells how the endpoints are doing that are not well: an agent that only waits for a receiver is ready.
func (p *page) ready(w http.ResponseWriter, _ *http.Request) {
	s := p.facts.Status()
	p.answer(w, "ready", s.Unready)
	for i := range s.Endpoints {
		if e := &s.Endpoints[i]; e.Condition() != "ok" {
			p.write(w, []byte(e.Name+": "+e.Condition()+"\n"))
		}
	}
}

func (p *page) write(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		p.log.Debug("status page: the client closed the connection", "error", err)
	}
}

// pageWords are the template's functions.
func pageWords() template.FuncMap {
	return template.FuncMap{
		"dict":    dict,
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

// dict makes the one value that a template takes of several: names and values in turn.
func dict(pairs ...any) map[string]any {
	d := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d[pairs[i].(string)] = pairs[i+1]
	}
	return d
}

// promLog carries what the metrics' writer has to say.
type promLog struct{ log *slog.Logger }

func (p promLog) Println(v ...any) {
	p.log.Warn("some metrics cannot be shown", "error", fmt.Sprint(v...))
}
