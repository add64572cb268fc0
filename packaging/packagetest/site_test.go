package packagetest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
	"backwire/source/netbackup/nbusim"
)

// site is a primary server and a receiver, both in the test's process.
type site struct {
	primary  *nbusim.Server
	receiver *receiver.Receiver
	address  string // of the host, as the system under test sees it
	push     string // the receiver's port
	holds    chan hold
	floor    string // the external label that the agent adds, if any
}

// primaryName is whom the primary server's certificate is for.
const primaryName = "primary.example"

func newSite(t *testing.T, address string) *site {
	t.Helper()
	primary, err := nbusim.New(nbusim.Options{Name: primaryName, Storage: nbusim.NewEstate(4)})
	if err != nil {
		t.Fatal(err)
	}
	primary.AddHistory(nbusim.Workload{Seed: 3}, 300, 50*time.Minute)
	if err := primary.StartTLS("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = primary.Close() })
	r := receiver.New(receiver.Options{Ordered: true})
	s := &site{primary: primary, receiver: r, address: address, holds: make(chan hold, 1)}
	push := httptest.NewServer(http.HandlerFunc(s.take))
	t.Cleanup(push.Close)
	if _, s.push, err = net.SplitHostPort(push.Listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return s
}

// settings are what an administrator writes into the env file.
func (s *site) settings() string {
	_, port, _ := strings.Cut(strings.TrimPrefix(s.primary.URL(), "https://"), ":")
	return strings.Join([]string{
		"BACKWIRE_INTERVAL=1s", "BACKWIRE_BACKFILL=1h", "BACKWIRE_LISTEN=",
		"BACKWIRE_NETBACKUP_URL=https://" + primaryName + ":" + port,
		"BACKWIRE_NETBACKUP_API_KEY_FILE=/etc/backwire/api-key",
		"BACKWIRE_NETBACKUP_CA_FILE=/etc/backwire/netbackup-ca.pem",
		"BACKWIRE_REMOTE_WRITE_URL=http://" + s.address + ":" + s.push + "/api/v1/write",
		"BACKWIRE_REMOTE_WRITE_ALLOW_HTTP=" + strconv.FormatBool(s.address != "127.0.0.1"),
	}, "\n") + "\n"
}

// configure does by hand on a system what the install's text says.
func (s *site) configure(on *system) {
	on.t.Helper()
	on.run(file("/etc/backwire/backwire.env", s.settings(), ">>") +
		file("/etc/backwire/api-key", nbusim.DefaultKey, ">") +
		file("/etc/backwire/netbackup-ca.pem", string(s.primary.CA()), ">") +
		"chgrp backwire /etc/backwire/api-key && chmod 640 /etc/backwire/api-key\n" +
		"echo " + s.address + " " + primaryName + " >>/etc/hosts")
	on.run("runuser -u backwire -- backwire check")
}

// file is the line of shell that writes one; how is > or >>.
func file(path, content, how string) string {
	return "echo " + base64.StdEncoding.EncodeToString([]byte(content)) + " | base64 -d " + how + path + "\n"
}

// hold is a request that waits half read.
type hold struct{ pushing, released chan struct{} }

// hold has the next request wait with a part of its body read; pushing is closed when one does.
func (s *site) hold() (pushing <-chan struct{}, release func()) {
	h := hold{make(chan struct{}), make(chan struct{})}
	s.holds <- h
	return h.pushing, func() { close(h.released) }
}

// take gives a request to the receiver, at once or when it is released.
func (s *site) take(w http.ResponseWriter, req *http.Request) {
	select {
	case h := <-s.holds:
		head := make([]byte, 64)
		n, _ := io.ReadFull(req.Body, head) // the receiver sees what is wrong with the rest
		req.Body = io.NopCloser(io.MultiReader(bytes.NewReader(head[:n]), req.Body))
		close(h.pushing)
		<-h.released
	default:
	}
	s.receiver.ServeHTTP(w, req)
}

// down has the receiver refuse everything, or answer again.
func (s *site) down(is bool) {
	if is {
		s.receiver.Always(&receiver.Answer{Status: http.StatusServiceUnavailable})
		return
	}
	s.receiver.Always(nil)
}

// work lets jobs begin and end.
func (s *site) work() {
	s.primary.Work(nbusim.Workload{Seed: 7, JobsPerMinute: 240, MeanRun: time.Second, Turbulence: 0.1})
}

// jobs are how many ended, by job type and status.
type jobs map[[2]string]int64

func (s *site) happened() jobs {
	ended := jobs{}
	for key, n := range s.primary.Truth().Completed {
		ended[[2]string{key.JobType, strconv.Itoa(key.Status)}] += n
	}
	return ended
}

func (s *site) arrived() jobs {
	ended := jobs{}
	for _, series := range s.receiver.Select("nbu_jobs_completed_total", receiver.Label{Name: "floor", Value: s.floor}) {
		ended[[2]string{series.Label("job_type"), series.Label("status")}] += int64(series.Last().V)
	}
	return ended
}

// settle lets no new jobs begin and waits until what arrived is what happened.
func (s *site) settle(t *testing.T) {
	t.Helper()
	s.primary.Work(nbusim.Workload{})
	await(t, "what arrived is what happened", func() error {
		if got, want := s.arrived(), s.happened(); !maps.Equal(got, want) {
			return fmt.Errorf("%v arrived, %v happened", got, want)
		}
		return nil
	})
}

// samples are how many the receiver has.
func (s *site) samples() uint64 {
	var n uint64
	for _, series := range s.receiver.Series() {
		n += uint64(len(series.Points))
	}
	return n
}

// flows waits for samples that are newer than all before.
func (s *site) flows(t *testing.T) {
	t.Helper()
	before := s.samples()
	await(t, "data arrives", func() error {
		if s.samples() == before {
			return fmt.Errorf("the receiver still has %d samples", before)
		}
		return nil
	})
}

// whole waits until the receiver has at least what was committed.
func (s *site) whole(t *testing.T, committed uint64) {
	t.Helper()
	await(t, "all that was committed arrives", func() error {
		if got := s.samples(); got < committed {
			return fmt.Errorf("%d of %d samples have", got, committed)
		}
		return nil
	})
}
