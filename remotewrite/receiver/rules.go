package receiver

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// checkSeries is what a series must fulfil by itself.
func checkSeries(v Version, s *Series) error {
	if err := checkLabels(s.Labels); err != nil {
		return err
	}
	switch {
	case s.Name() == "":
		return errors.New("no __name__")
	case len(s.Points) > 0 && len(s.Histograms) > 0:
		return errors.New("samples and histograms in one series")
	case len(s.Points) == 0 && len(s.Histograms) == 0:
		return errors.New("no sample") // as Prometheus does, although 2.0 allows exemplars alone
	case v == V2 && s.Metadata.Type == "unknown":
		return errors.New("no metric type")
	}
	if err := checkPoints(s.Points); err != nil {
		return err
	}
	if err := checkHistograms(s.Histograms); err != nil {
		return err
	}
	return checkExemplars(s.Exemplars)
}

func checkLabels(ls []Label) error {
	for i, l := range ls {
		switch {
		case l.Name == "" || l.Value == "":
			return fmt.Errorf("label %q=%q is empty", l.Name, l.Value)
		case !utf8.ValidString(l.Name) || !utf8.ValidString(l.Value):
			return fmt.Errorf("label %q=%q is not UTF-8", l.Name, l.Value)
		case i > 0 && ls[i-1].Name == l.Name:
			return fmt.Errorf("label %q is there twice", l.Name)
		case i > 0 && ls[i-1].Name > l.Name:
			return fmt.Errorf("label %q comes after %q", l.Name, ls[i-1].Name)
		}
	}
	return nil
}

func checkPoints(ps []Point) error {
	for i, p := range ps {
		switch {
		case i > 0 && p.T <= ps[i-1].T:
			return fmt.Errorf("sample at %d comes after the one at %d", p.T, ps[i-1].T)
		case p.Start != 0 && p.Start > p.T: // 0 is none
			return fmt.Errorf("sample at %d starts later, at %d", p.T, p.Start)
		case i > 0 && p.Stale() && ps[i-1].Stale():
			return fmt.Errorf("stale marker at %d follows one at %d", p.T, ps[i-1].T)
		}
	}
	return nil
}

func checkExemplars(es []Exemplar) error {
	for i, e := range es {
		if err := checkLabels(e.Labels); err != nil {
			return fmt.Errorf("exemplar: %w", err)
		}
		if (Point{V: e.V}).Stale() {
			return errors.New("exemplar with a stale marker's value")
		}
		if i > 0 && e.T < es[i-1].T {
			return fmt.Errorf("exemplar at %d comes after the one at %d", e.T, es[i-1].T)
		}
		if n := exemplarRunes(e); n > 128 {
			return fmt.Errorf("exemplar with %d characters of labels, at most 128", n)
		}
	}
	return nil
}

func exemplarRunes(e Exemplar) int {
	n := 0
	for _, l := range e.Labels {
		n += utf8.RuneCountInString(l.Name) + utf8.RuneCountInString(l.Value)
	}
	return n
}

// errTooOld is a point that is too old, whatever its series.
var errTooOld = errors.New("too old")

// checkAge is what a point must fulfil among those that are stored: the last one of its series, if there is one, and the newest of all.
func (o *Options) checkAge(last Point, had bool, p Point, newest int64) error {
	late := newest - p.T
	if o.OutOfOrder > 0 && late <= o.OutOfOrder.Milliseconds() {
		return nil
	}
	switch {
	case o.Head > 0 && newest != 0 && late > o.Head.Milliseconds() && o.OutOfOrder > 0:
		return fmt.Errorf("%w sample: %d, the newest is %d", errTooOld, p.T, newest)
	case o.Head > 0 && newest != 0 && late > o.Head.Milliseconds():
		return fmt.Errorf("out of bounds: %w: %d, the newest is %d", errTooOld, p.T, newest)
	case had && o.Ordered:
		return checkOrder(last, p)
	}
	return nil
}

// checkOrder is what a point must fulfil after the one stored last. The same point again is fine, as for Prometheus:
// a request that is repeated because its answer was lost is no error.
func checkOrder(last, p Point) error {
	switch {
	case p.T < last.T:
		return fmt.Errorf("out of order sample: %d after %d", p.T, last.T)
	case p.T == last.T && math.Float64bits(p.V) != math.Float64bits(last.V):
		return fmt.Errorf("duplicate sample for timestamp %d: %v after %v", p.T, p.V, last.V)
	case p.T > last.T && p.Stale() && last.Stale():
		return fmt.Errorf("stale marker at %d follows one at %d", p.T, last.T)
	}
	return nil
}
