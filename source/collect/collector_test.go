package collect

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"backwire/source/guard"
)

var (
	errNotThere = errors.New("404")
	errDown     = errors.New("connection refused")
)

// kinds tells those two apart, and every other by its text.
type kinds struct{}

func (kinds) Key(err error) string        { return err.Error() }
func (kinds) NotOffered(err error) bool   { return errors.Is(err, errNotThere) }
func noClock() time.Time                  { return time.Time{} }
func newLog(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }
func begin(c Collector[Place]) *Active[Place] {
	var all []*Family
	return c.Begin("paris", &all, func(p Place) Place { return p })
}

// rowsOf counts a row in each cycle and then ends as end says.
func rowsOf(c Collector[Place], end func() error) *Active[Place] {
	c.Start = func(p Place) Reader {
		rows := p.Gauge("nbu_rows", "", "Rows.")
		return func(context.Context, int64) (int, error) {
			p.Gauges.Count(rows)
			return 1, end()
		}
	}
	return begin(c)
}

func cycle(t *testing.T, a *Active[Place], log *bytes.Buffer) (samples int) {
	t.Helper()
	r := NewReport(kinds{})
	a.Note(a.Run(t.Context(), 1, noClock), 7, r)
	r.Say(newLog(log))
	return len(a.AppendTo(nil))
}

// Each kind of error is told once in a row of failures, and so is the end.
func TestCollectorReportsAnOutageOnce(t *testing.T) {
	var log bytes.Buffer
	var end error
	a := rowsOf(Collector[Place]{Name: "rows", Optional: true}, func() error { return end })
	cycle(t, a, &log)
	if h := &a.Health; h.LastSuccess != 7 || !h.Known() || log.Len() > 0 {
		t.Errorf("after a success: %+v, said %q", h, &log)
	}
	for _, err := range []error{errDown, errDown, errors.New("reset"), errDown} {
		end = err
		cycle(t, a, &log)
	}
	if n := strings.Count(log.String(), "collector failed"); n != 2 || a.Health.Failures != 4 {
		t.Errorf("%d lines for two kinds of errors, %d failures:\n%s", n, a.Health.Failures, &log)
	}
	end = nil
	cycle(t, a, &log)
	if !strings.Contains(log.String(), "collector succeeded after 4 failures") || a.Health.Failures != 0 {
		t.Errorf("the end is not said:\n%s", &log)
	}
}

// What a server need not offer is no failure; what it must offer is one.
func TestCollectorThatIsNotOffered(t *testing.T) {
	for _, optional := range []bool{true, false} {
		var log bytes.Buffer
		a := rowsOf(Collector[Place]{Name: "rows", Optional: optional}, func() error { return errNotThere })
		cycle(t, a, &log)
		if a.Health.NotOffered != optional || strings.Contains(log.String(), "not offered") != optional {
			t.Errorf("optional %v: not offered is %v, said %q", optional, a.Health.NotOffered, &log)
		}
	}
}

// A first reading that is not finished is neither a success nor a failure.
func TestCollectorInItsFirstReading(t *testing.T) {
	var log bytes.Buffer
	a := rowsOf(Collector[Place]{Name: "rows"}, func() error { return ErrUnfinished })
	cycle(t, a, &log)
	if h := &a.Health; h.Known() || h.Failures > 0 || log.Len() > 0 {
		t.Errorf("%+v, said %q", h, &log)
	}
}

// What was set before a panic is not told, and the panic is the collector's error.
func TestCollectorPanics(t *testing.T) {
	var log bytes.Buffer
	a := rowsOf(Collector[Place]{Name: "rows"}, func() error { panic("out of range") })
	if n := cycle(t, a, &log); n > 0 || !guard.Panicked(a.Health.Outcome.Err) {
		t.Errorf("%d samples, error %v", n, a.Health.Outcome.Err)
	}
	if !strings.Contains(log.String(), "stack=") {
		t.Errorf("where it happened is not said:\n%s", &log)
	}
}

// The gauges of a collector that reads seldom stand from an earlier cycle: they end where it fails.
func TestCollectorThatReadsSeldomEndsWithItsServer(t *testing.T) {
	for every, want := range map[time.Duration]int{0: 1, Seldom: 0} {
		var log bytes.Buffer
		a := rowsOf(Collector[Place]{Name: "rows", Every: every}, func() error { return errDown })
		if n := cycle(t, a, &log); n != want {
			t.Errorf("every %v: %d samples, want %d", every, n, want)
		}
	}
}
