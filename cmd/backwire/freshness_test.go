package main

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
)

// An outage of a day: so many series have a point a minute, and then a receiver that takes so many samples a second is up.
const (
	outageSeries = 2000
	outagePoints = 24 * 60
	outageRate   = 50_000
)

// slowReceiver is down until it is opened, and then takes one request after the other, no faster than outageRate.
type slowReceiver struct {
	receiver *receiver.Receiver

	mu     sync.Mutex
	opened time.Time // zero while it is down
	points int       // that it has, of series of the outage
	newest time.Time // when the first point came that is not older than its opening
	last   time.Time // when it had all of the outage
}

func newSlowReceiver() *slowReceiver {
	s := &slowReceiver{}
	s.receiver = receiver.New(receiver.Options{OutOfOrder: 48 * time.Hour, Poison: func(x *receiver.Series, p receiver.Point) error {
		switch {
		case x.Name() == "backwire_canary" || math.IsNaN(p.V): // a question, or a stale marker
		case p.T >= s.opened.UnixMilli():
			if s.newest.IsZero() {
				s.newest = time.Now()
			}
		case x.Name() == "nbu_jobs_completed_total":
			s.points++
		}
		return nil
	}})
	return s
}

func (s *slowReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened.IsZero() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	before, began := s.points, time.Now()
	s.receiver.ServeHTTP(w, r)
	if s.points >= outageSeries*outagePoints && s.last.IsZero() {
		s.last = time.Now()
	}
	wait(r.Context(), time.Until(began.Add(time.Duration(s.points-before)*time.Second/outageRate)))
}

func (s *slowReceiver) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = time.Now()
}

// report waits until it has everything and says after how long the newest came, and the last.
func (s *slowReceiver) report(b *testing.B) {
	b.Helper()
	await(b, "the newest samples and all of the outage have arrived", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.newest.IsZero() || s.last.IsZero() {
			return fmt.Errorf("%d samples, newest %v", s.points, s.newest)
		}
		return nil
	})
	b.ReportMetric(s.newest.Sub(s.opened).Seconds(), "newest-s")
	b.ReportMetric(s.last.Sub(s.opened).Seconds(), "last-s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkFreshness is how long after an outage of a day the newest sample is at a receiver, and the last of the outage. Each program gets
// fresh samples all the time: backwire its own cycles every ten seconds, vmagent one of the series every two seconds.
func BenchmarkFreshness(b *testing.B) {
	b.Run("backwire", func(b *testing.B) {
		binary := buildPrograms(b).backwire
		for b.Loop() {
			s := newSlowReceiver()
			to := httptest.NewServer(s)
			dir := b.TempDir()
			newFleet(busy).queued(b, dir, outageSeries, outagePoints)
			s.open()
			p := start(b, []string{
				"BACKWIRE_NETBACKUP_URL=https://127.0.0.1:9/netbackup", "BACKWIRE_NETBACKUP_API_KEY=none", // nobody there
				"BACKWIRE_NETBACKUP_SITE=" + drainSite, "BACKWIRE_REMOTE_WRITE_URL=" + to.URL, "BACKWIRE_REMOTE_WRITE_START=oldest",
				"BACKWIRE_QUEUE_DIR=" + dir, "BACKWIRE_LISTEN=", "BACKWIRE_INTERVAL=10s",
			}, binary, "run")
			s.report(b)
			_ = p.end(syscall.SIGKILL)
			to.Close()
		}
	})
	b.Run("vmagent", func(b *testing.B) {
		program, err := exec.LookPath(vmagent.program)
		if err != nil {
			b.Skip("left out: vmagent is not installed")
		}
		for b.Loop() {
			s := newSlowReceiver()
			to := httptest.NewServer(s)
			address := freePort(b)
			p := start(b, nil, program, "-remoteWrite.tmpDataPath="+b.TempDir(), "-remoteWrite.url="+to.URL, "-httpListenAddr="+address)
			answers(b, "http://"+address+"/health")
			importOutage(b, address)
			s.open()
			for !s.hasNewest() && wait(b.Context(), 2*time.Second) {
				importPage(b, address, outageLine(0, time.Now(), outagePoints))
			}
			s.report(b)
			_ = p.end(syscall.SIGKILL)
			to.Close()
		}
	})
}

func (s *slowReceiver) hasNewest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.newest.IsZero()
}

// outageLine is one sample as VictoriaMetrics imports it.
func outageLine(series int, at time.Time, value int) string {
	return `nbu_jobs_completed_total{client="client-` + strconv.Itoa(series) + `"} ` + strconv.Itoa(value) + " " + strconv.FormatInt(at.UnixMilli(), 10) + "\n"
}

// importOutage gives the outage to vmagent, minute after minute.
func importOutage(b *testing.B, address string) {
	b.Helper()
	first := time.Now().Add(-outagePoints * time.Minute)
	var page strings.Builder
	for k := range outagePoints {
		page.Reset()
		for i := range outageSeries {
			page.WriteString(outageLine(i, first.Add(time.Duration(k)*time.Minute), k))
		}
		importPage(b, address, page.String())
	}
}

func importPage(b *testing.B, address, page string) {
	b.Helper()
	resp, err := http.Post("http://"+address+"/api/v1/import/prometheus", "text/plain", bytes.NewReader([]byte(page)))
	if err != nil {
		b.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode/100 != 2 {
		b.Fatalf("vmagent answers %s to an import", resp.Status)
	}
}
