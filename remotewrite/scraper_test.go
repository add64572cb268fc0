package remotewrite_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"backwire/source"
)

// scraper is a source for tests: it reads a page as Prometheus does, with the labels job and instance and the series up, which is 0
// where the page cannot be parsed. A time that the page gives is not used: a batch has one.
type scraper struct {
	address, job string
	metrics      map[string]*source.Metric // by family; what is not declared is a gauge
}

func newScraper(address, job string) *scraper {
	return &scraper{address: address, job: job, metrics: map[string]*source.Metric{}}
}

// cycle reads the page once.
func (s *scraper) cycle(ctx context.Context) (source.Cycle, error) {
	start := time.Now()
	page, contentType, err := s.page(ctx)
	if err != nil {
		return source.Cycle{}, err
	}
	b, up := source.Batch{T: start.UnixMilli()}, 1.0
	if err := s.parse(page, contentType, &b); err != nil {
		b.Samples, b.Exemplars, up = nil, nil, 0
	}
	n := len(b.Samples)
	s.own(&b, "up", up)
	s.own(&b, "scrape_samples_scraped", float64(n))
	s.own(&b, "scrape_duration_seconds", time.Since(start).Seconds())
	return source.Cycle{Site: s.job, Batches: []source.Batch{b}}, nil
}

func (s *scraper) page(ctx context.Context) (page []byte, contentType string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/metrics", http.NoBody)
	if err != nil {
		return nil, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	page, err = io.ReadAll(resp.Body)
	return page, resp.Header.Get("Content-Type"), err
}

func (s *scraper) parse(page []byte, contentType string, b *source.Batch) error {
	p, err := textparse.New(page, contentType, labels.NewSymbolTable(), textparse.ParserOptions{OpenMetricsSkipSTSeries: true})
	if p == nil {
		return err
	}
	for {
		entry, err := p.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		switch entry {
		case textparse.EntryType:
			family, kind := p.Type()
			s.metric(string(family)).Type = typeOf(kind)
		case textparse.EntryHelp:
			family, help := p.Help()
			s.metric(string(family)).Help = string(help)
		case textparse.EntryUnit:
			family, unit := p.Unit()
			s.metric(string(family)).Unit = string(unit)
		case textparse.EntrySeries:
			s.sample(p, b)
		}
	}
}

func (s *scraper) metric(family string) *source.Metric {
	m := s.metrics[family]
	if m == nil {
		m = &source.Metric{Name: family, Type: source.Gauge}
		s.metrics[family] = m
	}
	return m
}

func typeOf(t model.MetricType) source.Type {
	switch t {
	case model.MetricTypeCounter:
		return source.Counter
	case model.MetricTypeHistogram:
		return source.Histogram
	case model.MetricTypeInfo:
		return source.Info
	}
	return source.Gauge
}

func (s *scraper) sample(p textparse.Parser, b *source.Batch) {
	var ls labels.Labels
	p.Labels(&ls)
	_, _, value := p.Series()
	series := s.series(ls, p.StartTimestamp())
	b.Samples = append(b.Samples, source.Sample{Series: series, Value: value})
	var e exemplar.Exemplar
	for p.Exemplar(&e) {
		at := b.T
		if e.HasTs {
			at = e.Ts
		}
		b.Exemplars = append(b.Exemplars, source.Exemplar{Series: series, Labels: labelsOf(e.Labels), Value: e.Value, T: at})
		e = exemplar.Exemplar{}
	}
}

func (s *scraper) series(ls labels.Labels, start int64) *source.Series {
	m, suffix := s.family(ls.Get("__name__"))
	own := append(labelsOf(ls.MatchLabels(false, "__name__")), source.Label{Name: "job", Value: s.job}, source.Label{Name: "instance", Value: s.address})
	return source.NewSeries(m, suffix, start, own...)
}

// family finds the metric of a series. A counter is called by its series' whole name, a histogram is not.
func (s *scraper) family(name string) (m *source.Metric, suffix string) {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if m := s.metrics[strings.TrimSuffix(name, suffix)]; m != nil && m.Type == source.Histogram && strings.HasSuffix(name, suffix) {
			return m, suffix
		}
	}
	if m := s.metrics[strings.TrimSuffix(name, "_total")]; m != nil && m.Type == source.Counter {
		m.Name = name
		return m, ""
	}
	return s.metric(name), ""
}

// own adds a series about the scrape itself.
func (s *scraper) own(b *source.Batch, name string, v float64) {
	b.Samples = append(b.Samples, source.Sample{Series: s.series(labels.FromStrings("__name__", name), 0), Value: v})
}

func labelsOf(ls labels.Labels) []source.Label {
	var out []source.Label
	ls.Range(func(l labels.Label) { out = append(out, source.Label{Name: l.Name, Value: l.Value}) })
	return out
}
