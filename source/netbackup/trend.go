package netbackup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"backwire/source"
)

// How full each storage was in the last two weeks tells when it will be full. Its points are one key
// of the site's state each, written when there is a new one:
//
//	trend/NAME = version, {step as uvarint, MiB as varint}…
//
// both as the difference from the point before.
const (
	trendPrefix  = "trend/"
	trendVersion = 1
	trendStep    = 3 * hourMillis // between two points
	trendKept    = 112            // points: two weeks
	trendNames   = 1000           // storages that are followed; the others are only shown
	mebibyte     = 1 << 20
)

// trend is how much of a storage was used.
type trend struct {
	points  []trendPoint // ascending
	changed bool
}

type trendPoint struct {
	step int64 // in multiples of trendStep since the epoch
	used int64 // MiB
}

// note takes the use at a time, in ms, where it begins a new step.
func (t *trend) note(at int64, used float64) {
	step := at / trendStep
	if n := len(t.points); n > 0 && t.points[n-1].step >= step {
		return
	}
	t.points = append(t.points, trendPoint{step, int64(used / mebibyte)})
	first := 0
	for len(t.points)-first > trendKept || t.points[first].step <= step-trendKept {
		first++
	}
	t.points = append(t.points[:0], t.points[first:]...)
	t.changed = true
}

// A forecast from less than a day, or from a few points, would be made of noise.
const (
	trendLeast      = 4
	trendLeastSteps = 24 * hourMillis / trendStep
)

// growth is the slope of the line through the points, in bytes a day (least squares). It is false
// where they are too few.
func (t *trend) growth() (float64, bool) {
	n := float64(len(t.points))
	if len(t.points) < trendLeast || t.points[len(t.points)-1].step-t.points[0].step < trendLeastSteps {
		return 0, false
	}
	var meanX, meanY, covariance, variance float64
	for _, p := range t.points {
		meanX += float64(p.step-t.points[0].step) / n
		meanY += float64(p.used) / n
	}
	for _, p := range t.points {
		x := float64(p.step-t.points[0].step) - meanX
		covariance += x * (float64(p.used) - meanY)
		variance += x * x
	}
	const stepsADay = 24 * hourMillis / trendStep
	return covariance / variance * stepsADay * mebibyte, true
}

// fullIn is when the line reaches what is free; it is false where it never does, or within no time
// that anybody plans for.
func (t *trend) fullIn(free float64) (time.Duration, bool) {
	const horizon = 3 * 365 // days
	growth, known := t.growth()
	if !known || growth <= 0 || free/growth > horizon {
		return 0, false
	}
	return time.Duration(max(free, 0) / growth * float64(24*time.Hour)), true
}

func (t *trend) encode() []byte {
	b := []byte{trendVersion}
	var before trendPoint
	for _, p := range t.points {
		b = binary.AppendUvarint(b, uint64(p.step-before.step))
		b = binary.AppendVarint(b, p.used-before.used)
		before = p
	}
	return b
}

func (t *trend) decode(b []byte) error {
	if len(b) == 0 || b[0] != trendVersion {
		return errors.New("a trend with an unknown version")
	}
	var at trendPoint
	for r := source.ReadState(b[1:]); r.More(); {
		at = trendPoint{at.step + int64(r.Uvarint()), at.used + r.Varint()}
		if r.Short() {
			return errors.New("a truncated trend")
		}
		t.points = append(t.points, at)
	}
	return nil
}

// trends are those of a site's storages, by a pool's id and a unit's name.
type trends map[string]*trend

// note takes the use of a storage and returns its trend. Before pools were known by their ids, trends had their names:
// such a one goes on under the id.
func (ts trends) note(id, name string, at int64, used float64) *trend {
	t := ts[id]
	if t == nil {
		if t = (&trend{}); len(ts) >= trendNames {
			return t
		}
		if before := ts[name]; before != nil {
			t.points = slices.Clone(before.points)
		}
		ts[id] = t
	}
	t.note(at, used)
	return t
}

// changes are the keys of the trends that have a new point, and of those whose storage is gone for as long
// as points are kept.
func (ts trends) changes(now int64) []source.Change {
	var out []source.Change
	for name, t := range ts {
		switch {
		case t.points[len(t.points)-1].step <= now/trendStep-trendKept:
			delete(ts, name)
			out = append(out, source.Change{Key: trendPrefix + name})
		case t.changed:
			t.changed = false
			out = append(out, source.Change{Key: trendPrefix + name, Value: t.encode()})
		}
	}
	return out
}

func (ts trends) restore(key string, value []byte) error {
	t := &trend{}
	err := t.decode(value)
	if err == nil && len(t.points) == 0 {
		err = errors.New("a trend without a point")
	}
	if err != nil {
		return fmt.Errorf("state key %q: %w", key, err)
	}
	ts[strings.TrimPrefix(key, trendPrefix)] = t
	return nil
}
