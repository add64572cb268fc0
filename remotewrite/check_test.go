package remotewrite

import (
	"net/http"
	"strings"
	"testing"

	"backwire/remotewrite/receiver"
	"backwire/source/probe"
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
		{receiver.Options{}, nil, probe.OK, "by the receiver's own count", "", 1},
		{receiver.Options{V2: receiver.Swallow}, nil, probe.OK, "remote write 1.0 has no count", "", 1},
		{receiver.Options{}, &receiver.Answer{Status: 401, Body: "no such token"}, probe.Failed, "401 Unauthorized: no such token", "BEARER_TOKEN_FILE", 0},
		{receiver.Options{}, &receiver.Answer{Status: 400, Body: "out of bounds"}, probe.Failed, "out of bounds", "TENANT", 0},
		{receiver.Options{}, &receiver.Answer{Status: 307, Header: http.Header{"Location": {"https://else.where/"}}}, probe.Failed, "https://else.where/", "log", 0},
		{
			receiver.Options{},
			&receiver.Answer{Status: 204, Header: http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"0"}}},
			probe.Failed, "0 samples were stored", "relabelling", 0,
		},
	} {
		g := newRig(t, EndpointConfig{}, c.options)
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

// A bundle's import asks first whether anybody answers, and leaves nothing where somebody does.
func TestAnswersSendsNoSample(t *testing.T) {
	g := newRig(t, EndpointConfig{}, receiver.Options{})
	if err := g.endpoint.answers(t.Context()); err != nil || len(g.receiver.Series()) != 0 {
		t.Errorf("%v, %d series", err, len(g.receiver.Series()))
	}
	g.receiver.Always(&receiver.Answer{Status: 404})
	if err := g.endpoint.answers(t.Context()); err == nil || !strings.Contains(err.Error(), "is the path right?") {
		t.Errorf("a receiver that is not there: %v", err)
	}
}
