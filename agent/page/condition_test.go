package page

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Paused, refusing, stuck, retrying and catching up are told apart, and what does not go on by itself is stuck.
func TestConditions(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 3, 2, 1, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		e     EndpointStatus
		want  string
		stuck bool
	}{
		{EndpointStatus{State: "sending", Lag: 3}, "ok", false},
		{EndpointStatus{State: "waiting"}, "ok", false}, // for the first cycle
		{EndpointStatus{State: "paused", Paused: "401 Unauthorized", Error: "401 Unauthorized"}, "paused: 401 Unauthorized", true},
		{EndpointStatus{State: "refusing", Paused: "400 no"}, "refuses everything; all samples are kept: 400 no", true},
		{EndpointStatus{State: "waiting", Error: "503", Lag: 599}, "retrying: 503", false},
		{EndpointStatus{State: "waiting", Error: "503", Lag: 600}, "stuck, 10m0s behind: 503", true},
		{EndpointStatus{State: "catching_up", Pending: 50, Past: 40, PastSince: &since, Lag: 86_400}, "catching up: the newest sample is there, the past since 2026-03-02 01:30 UTC is being sent (40 samples)", false},
		{EndpointStatus{State: "catching_up", Pending: 50, Lag: 86_400}, "catching up: 50 samples are pending, the oldest first", false},
	} {
		if got := c.e.Condition(); got != c.want || c.e.Stuck() != c.stuck {
			t.Errorf("%+v is %q, stuck %v; want %q, %v", c.e, got, c.e.Stuck(), c.want, c.stuck)
		}
		s := exampleStatus()
		s.Endpoints = []EndpointStatus{c.e}
		s.Endpoints[0].Name = "cloud"
		ready := ask(t, s, http.MethodGet, "/-/ready")
		want := "ready\n"
		if c.want != "ok" {
			want += "cloud: " + c.want + "\n"
		}
		if got := bodyOf(t, ready); got != want || ready.StatusCode != http.StatusOK {
			t.Errorf("ready answers %d %q, want %q", ready.StatusCode, got, want)
		}
		if body := bodyOf(t, ask(t, s, http.MethodGet, "/")); !strings.Contains(body, ">"+c.want+"<") {
			t.Errorf("the page lacks %q", c.want)
		}
	}
}
