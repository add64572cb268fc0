package send

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/receiver"
	"backwire/source/probe"

	"github.com/golang/snappy"
)

// Each answer to the one sample that a check writes, and what is said about it.
func TestCheckWritesOneSample(t *testing.T) {
	for _, c := range []struct {
		options receiver.Options
		answer  *receiver.Answer
		result  probe.Result
		found   string
		next    string
		stored  int
	}{
		{receiver.Options{}, nil, probe.OK, "confirmed by the receiver", "", 1},
		{receiver.Options{V2: receiver.Swallow}, nil, probe.OK, "remote write 1.0 cannot confirm", "", 1},
		{receiver.Options{}, &receiver.Answer{Status: 401, Body: "no such token"}, probe.Failed, "401 Unauthorized: no such token", "BEARER_TOKEN_FILE", 0},
		{receiver.Options{}, &receiver.Answer{Status: 400, Body: "out of bounds"}, probe.Failed, "out of bounds", "TENANT", 0},
		{receiver.Options{}, &receiver.Answer{Status: 307, Header: http.Header{"Location": {"https://else.where/"}}}, probe.Failed, "https://else.where/", "log", 0},
		{
			receiver.Options{},
			&receiver.Answer{Status: 204, Header: http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"0"}}},
			probe.Failed, "0 samples were stored", "relabelling", 0,
		},
		{ // Mimir, to a replica that it does not follow: the count is of what it received
			receiver.Options{},
			&receiver.Answer{Status: 202, Header: http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"1"}}},
			probe.Warning, "does not say that it stored it", "does not follow now", 0,
		},
	} {
		g := newRig(t, Config{}, c.options)
		g.receiver.Always(c.answer)
		f := g.endpoint.Check(t.Context())[0]
		if f.Result != c.result || !strings.Contains(f.Found, c.found) || !strings.Contains(f.Next, c.next) || f.Tried == "" {
			t.Errorf("%+v: %+v", c, f)
		}
		if got := len(g.receiver.Select(checkMetric)); got != c.stored {
			t.Errorf("%+v: %d series are stored, want %d", c, got, c.stored)
		}
	}
}

// A bundle's import asks first whether a receiver takes the canary, and leaves nothing else there.
func TestAnswersSendsTheCanaryAlone(t *testing.T) {
	g := newRig(t, Config{}, receiver.Options{})
	if err := g.endpoint.Answers(t.Context()); err != nil || len(testkit.Data(g.receiver)) != 0 || len(g.canaries()) != 1 {
		t.Errorf("%v, %d series", err, len(g.receiver.Series()))
	}
	g.receiver.Always(&receiver.Answer{Status: 404})
	if err := g.endpoint.Answers(t.Context()); err == nil || !strings.Contains(err.Error(), "check the path") {
		t.Errorf("a receiver that is not there: %v", err)
	}
}

// belated answers before it has read the body, as an http.RoundTripper may, and reads it later.
type belated struct {
	running sync.WaitGroup
	bodies  chan []byte
}

func (b *belated) RoundTrip(r *http.Request) (*http.Response, error) {
	b.running.Go(func() {
		time.Sleep(time.Second)
		body, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		b.bodies <- body
	})
	return &http.Response{StatusCode: http.StatusUnsupportedMediaType, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// A check, and the question whether a receiver answers, leave a body alone that a transport may still read.
func TestBodiesThatAreStillReadStayAsTheyAre(t *testing.T) {
	for name, ask := range map[string]func(context.Context, *Endpoint){
		"check":   func(ctx context.Context, e *Endpoint) { e.Check(ctx) },
		"answers": func(ctx context.Context, e *Endpoint) { _ = e.Answers(ctx) },
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &belated{bodies: make(chan []byte, 2)}
			g := newRig(t, Config{Transport: b}, receiver.Options{})
			ask(t.Context(), g.endpoint)
			b.running.Wait()
			for range 2 { // in 2.0 and in 1.0
				if body, err := snappy.Decode(nil, <-b.bodies); err != nil || !bytes.Contains(body, []byte("backwire_c")) {
					t.Errorf("%s: %q, %v", name, body, err)
				}
			}
		})
	}
}

// One line says how late a sample may be.
func TestCheckWindow(t *testing.T) {
	for _, c := range []struct {
		options receiver.Options
		result  probe.Result
		found   string
	}{
		{outOfOrder(24 * time.Hour), probe.OK, "takes samples up to 24 h late"},
		{headOnly, probe.Warning, "refuses what is older than 1 h: an outage longer than that will lose samples"},
		{outOfOrder(150 * time.Minute), probe.Warning, "refuses what is older than 2 h 30 min: an outage"},
		{receiver.Options{Ordered: true, Head: time.Hour, V2: receiver.Refuse, Whole: true}, probe.Warning, "refuses what is older than 1 h: "},
		{receiver.Options{Poison: newSeries}, probe.OK, "unknown how late"},
	} {
		synctest.Test(t, func(t *testing.T) {
			all := newRig(t, Config{}, c.options).endpoint.Check(t.Context())
			f := all[len(all)-1]
			if f.Step != "window" || f.Result != c.result || !strings.Contains(f.Found, c.found) || (f.Next != "") != (c.result == probe.Warning) {
				t.Errorf("%+v: %+v", c, f)
			}
		})
	}
}
