package remotewrite

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/send"
	"backwire/remotewrite/window"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal/crashfs"
)

// one is a feed of one window.
type one struct{ window *window.Window }

func (f *one) Fill(w *window.Window, _ int) error {
	*w = *f.window
	return nil
}

func (f *one) Advance(*window.Window, []byte) error { return nil }

func (f *one) Wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// damaged is a queue that has lost records.
type damaged struct{ *queue.Queue }

func (d damaged) Stats() queue.Stats {
	s := d.Queue.Stats()
	s.Losses = append(s.Losses, queue.Loss{Endpoint: "test", Reason: "damaged", Totals: record.Totals{Records: 3}})
	return s
}

// secured is an endpoint whose receiver has a certificate.
type secured struct{ *send.Endpoint }

func (s secured) Stats() send.Stats {
	of := s.Endpoint.Stats()
	of.Expires = testwindow.Time
	return of
}

func TestCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.Later(10, 2, time.Since(time.UnixMilli(testwindow.Time+60_000)))
		refused := w.Newest
		r := receiver.New(receiver.Options{Poison: func(s *receiver.Series, p receiver.Point) error {
			if s.Name() != "backwire_canary" && p.T == refused {
				return errors.New("poisoned")
			}
			return nil
		}})
		// The first is the canary's, and the second is how late samples may be.
		r.Script(receiver.Answer{}, receiver.Answer{}, receiver.Answer{Status: 503, Delay: 20 * time.Millisecond}, receiver.Answer{Status: 401})
		e, err := send.NewEndpoint(send.Config{
			Name: "test", URL: "http://receiver.test/api/v1/push", Transport: testkit.Loopback{To: r}, MaxSampleAge: 30 * time.Second,
		}, &one{window: w}, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.Run(ctx, time.Second); err != nil {
			t.Fatal(err)
		}
		q := testqueue.On(t, crashfs.New(), queue.Options{Endpoints: []string{"test"}, MaxBytes: 1 << 20})
		defer testkit.Closed(t, q)
		defer testkit.Closed(t, testqueue.Subscribe(t, q, "test"))
		f := testkit.NewFleet("paris", 50, 0.3)
		f.T = time.Now().UnixMilli() - 121_000
		testkit.Commit(t, q, f, 2)
		c := NewCollector(damaged{q}, secured{e})

		problems, err := testutil.CollectAndLint(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(c)
		want := `
			# HELP backwire_certificate_expiry_timestamp_seconds Time at which the first certificate in the receiver's chain expires.
			# TYPE backwire_certificate_expiry_timestamp_seconds gauge
			backwire_certificate_expiry_timestamp_seconds{endpoint="test"} 1.79e+09
			# HELP backwire_lag_seconds Age of the oldest samples in the queue that the receiver has not accepted yet; 0 if there are none.
			# TYPE backwire_lag_seconds gauge
			backwire_lag_seconds{endpoint="test"} 61
			# HELP backwire_paused 1 when sending is paused until somebody corrects the address, the credentials or the receiver, 0 otherwise.
			# TYPE backwire_paused gauge
			backwire_paused{endpoint="test"} 1
			# HELP backwire_protocol_info Version of remote write in use.
			# TYPE backwire_protocol_info gauge
			backwire_protocol_info{endpoint="test",version="2.0"} 1
			# HELP backwire_queue_lost_records_total Records that were dropped or could not be read, by reason.
			# TYPE backwire_queue_lost_records_total counter
			backwire_queue_lost_records_total{endpoint="test",reason="damaged"} 3
			# HELP backwire_queue_max_bytes Maximum size of the queue on disk.
			# TYPE backwire_queue_max_bytes gauge
			backwire_queue_max_bytes 1.048576e+06
			# HELP backwire_queue_records_total Records committed to the queue since it was created.
			# TYPE backwire_queue_records_total counter
			backwire_queue_records_total 2
			# HELP backwire_requests_total Requests by status code of the answer; error if there was no answer.
			# TYPE backwire_requests_total counter
			backwire_requests_total{code="204",endpoint="test"} 1
			backwire_requests_total{code="401",endpoint="test"} 1
			backwire_requests_total{code="503",endpoint="test"} 1
			# HELP backwire_samples_in_flight Samples read from the queue that are being sent.
			# TYPE backwire_samples_in_flight gauge
			backwire_samples_in_flight{endpoint="test"} 20
			# HELP backwire_samples_pending Samples in the queue that the receiver has not accepted yet.
			# TYPE backwire_samples_pending gauge
			backwire_samples_pending{endpoint="test"} 100
			# HELP backwire_samples_retried_total Samples sent again after a failure. Each retry counts.
			# TYPE backwire_samples_retried_total counter
			backwire_samples_retried_total{endpoint="test"} 10
		`
		var names []string
		for line := range strings.Lines(want) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), "# TYPE "); ok {
				names = append(names, strings.Fields(name)[0])
			}
		}
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), names...); err != nil {
			t.Error(err)
		}
		n, err := testutil.GatherAndCount(registry, "backwire_sent_batch_duration_seconds", "backwire_queue_bytes", "backwire_bytes_total")
		if n != 3 || err != nil {
			t.Errorf("%d metrics, %v", n, err)
		}
	})
}

func TestDurations(t *testing.T) {
	var d send.Durations
	for _, took := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 300 * time.Millisecond, time.Hour} {
		d.Observe(took)
	}
	if d.Count != 4 || d.Sum != 3600.306 || d.Buckets[0] != 2 || d.Buckets[5] != 2 || d.Buckets[6] != 3 || d.Buckets[len(d.Buckets)-1] != 3 {
		t.Errorf("%+v", d)
	}
}
