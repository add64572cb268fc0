package collect

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"backwire/source/guard"
)

// Errors tells the errors of a product's client apart.
type Errors interface {
	// Key is what of an error stays the same while its cause does.
	Key(err error) string
	// NotOffered says that the server does not have what was asked for.
	NotOffered(err error) bool
}

// Report is what changed for the collectors in a cycle. It is told to the log by cause and not by collector: an outage
// is one line, and so is its end.
type Report struct {
	errors    Errors
	failed    map[string]*failure // by the key of the error
	recovered map[int][]string    // collectors, by the failures before
}

// failure is the same error of some collectors.
type failure struct {
	collectors []string
	err        error // the first one's
	notOffered bool
}

// NewReport is for one cycle.
func NewReport(e Errors) *Report {
	return &Report{errors: e, failed: map[string]*failure{}, recovered: map[int][]string{}}
}

func (r *Report) fail(key, collector string, err error, notOffered bool) {
	if r.failed[key] == nil {
		r.failed[key] = &failure{err: err, notOffered: notOffered}
	}
	r.failed[key].collectors = append(r.failed[key].collectors, collector)
}

func (r *Report) recover(collector string, failures int) {
	r.recovered[failures] = append(r.recovered[failures], collector)
}

// Say tells the log.
func (r *Report) Say(log *slog.Logger) {
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
