package netbackup

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"backwire/source/guard"
	"backwire/source/netbackup/api"
)

// report is what changed for the collectors in a cycle. It is told to the log by cause and not by collector: an outage
// is one line, and so is its end.
type report struct {
	failed    map[string]*failure // by the key of the error
	recovered map[int][]string    // collectors, by the failures before
}

// failure is what befell some collectors.
type failure struct {
	collectors []string
	err        error // the first one's
	notOffered bool
}

func newReport() *report {
	return &report{failed: map[string]*failure{}, recovered: map[int][]string{}}
}

func (r *report) fail(key, collector string, err error, notOffered bool) {
	if r.failed[key] == nil {
		r.failed[key] = &failure{err: err, notOffered: notOffered}
	}
	r.failed[key].collectors = append(r.failed[key].collectors, collector)
}

func (r *report) recover(collector string, failures int) {
	r.recovered[failures] = append(r.recovered[failures], collector)
}

func (r *report) say(log *slog.Logger) {
	for _, key := range slices.Sorted(maps.Keys(r.failed)) {
		f := r.failed[key]
		said := []any{"collector", strings.Join(f.collectors, ", "), "error", f.err}
		if p, is := errors.AsType[*guard.Panic](f.err); is {
			said = append(said, "stack", string(p.Stack))
		}
		if f.notOffered {
			log.Info("collector is not offered by this server", said...)
			continue
		}
		log.Warn("collector failed", said...)
	}
	for _, n := range slices.Sorted(maps.Keys(r.recovered)) {
		log.Info(fmt.Sprintf("collector succeeded after %d %s", n, plural("failure", n)), "collector", strings.Join(r.recovered[n], ", "))
	}
}

func plural(noun string, n int) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// errorKey is what of an error stays the same while its cause does. The text does not: it may hold the port of a connection,
// a cursor, the id of a request.
func errorKey(err error) string {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return string(e.Kind)
	}
	if errors.Is(err, errEmpty) {
		return errEmpty.Error()
	}
	if f, ok := errors.AsType[api.Fault](err); ok {
		return string(f)
	}
	if k, ok := errors.AsType[api.Kind](err); ok {
		return string(k)
	}
	return fmt.Sprintf("%T", err)
}
