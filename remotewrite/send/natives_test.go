package send

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/window"
	"backwire/source"
)

// histograms is a window of so many histograms with points of one minute after another, some counters between them.
func histograms(families, points int) *window.Window {
	d := &testwindow.Draft{}
	wait := &source.Metric{Name: "nbu_job_queue_wait_seconds", Type: source.Histogram, Unit: "seconds", Help: "Wait."}
	jobs := &source.Metric{Name: "nbu_jobs_completed_total", Type: source.Counter, Help: "Jobs."}
	for i := range families {
		label := source.Label{Name: "policy_type", Value: fmt.Sprint("TYPE_", i)}
		add := func(m *source.Metric, suffix string, each float64, more ...source.Label) {
			ps := make([]window.Point, points)
			for k := range ps {
				ps[k] = window.Point{T: testwindow.Time + int64(k)*60_000, V: each * float64(k)}
			}
			d.Add(source.NewSeries(m, suffix, testwindow.Time-1000, append(more, label)...), ps)
		}
		add(wait, "_bucket", 1, source.Label{Name: "le", Value: "1.0"})
		add(wait, "_bucket", 3, source.Label{Name: "le", Value: "60.0"})
		add(wait, "_bucket", 4, source.Label{Name: "le", Value: "+Inf"})
		add(wait, "_sum", 130.5)
		add(wait, "_count", 4)
		add(jobs, "", 1)
	}
	return d.Window()
}

// nativeSeries are the native ones that a receiver has, without the canary's.
func nativeSeries(r *receiver.Receiver) (all []receiver.Series) {
	for _, s := range testkit.Data(r) {
		if len(s.Histograms) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// wantClassic holds that the classic series are all there, once, and counted as if there were no others.
func (g *rig) wantClassic(t *testing.T, samples int) {
	t.Helper()
	points := 0
	for _, s := range testkit.Data(g.receiver) {
		points += len(s.Points)
	}
	s := g.endpoint.Stats()
	if points != samples || int(s.Samples) != samples || len(s.Rejected)+len(s.Dropped)+s.Pending+s.Parked > 0 {
		t.Errorf("%d of %d samples stored: %+v", points, samples, s)
	}
}

// A receiver that takes native histograms has each beside its classic one, with the same buckets, its start, and in order.
func TestNativeHistogramsAreSent(t *testing.T) {
	for _, c := range []Config{{}, {MaxSamples: 37}, {MaxSamples: 100, Concurrency: 3}} {
		synctest.Test(t, func(t *testing.T) {
			c.Natives = true
			w := histograms(30, 50)
			g := newRig(t, c, receiver.Options{Ordered: true}, w)
			g.run(t, func() {
				g.wantClassic(t, w.Samples)
				all := nativeSeries(g.receiver)
				for _, s := range all {
					if s.Name() != "nbu_job_queue_wait_seconds" || len(s.Points) > 0 || len(s.Histograms) != 50 || s.Metadata.Type != "histogram" {
						t.Fatalf("stored %+v", s)
					}
					for k, h := range s.Histograms {
						want := []int64{int64(k), int64(2 * k), int64(k)}
						if got := h.Buckets(); fmt.Sprint(got) != fmt.Sprint(want) || h.T != testwindow.Time+int64(k)*60_000 || h.Start != testwindow.Time-1000 ||
							h.Count != uint64(4*k) || math.Abs(h.Sum-130.5*float64(k)) > 0 || fmt.Sprint(h.CustomValues) != "[1 60]" || h.Schema != -53 {
							t.Fatalf("point %d of %s: %+v", k, s.Key(), h)
						}
					}
				}
				if s := g.endpoint.Stats(); len(all) != 30 || s.NativePoints != 1500 || s.NativeRefused > 0 || s.Natives != "sent" {
					t.Errorf("%d native series: %+v", len(all), s)
				}
			})
		})
	}
}

// A receiver that takes no native histograms costs no sample and no search; it is told once, and none is sent to it.
func TestReceiversWithoutNativeHistograms(t *testing.T) {
	for name, c := range map[string]struct {
		options receiver.Options
		config  Config
		why     string
	}{
		"400, the rest stored":  {options: receiver.Options{NoNatives: 400, Ordered: true}, why: "400 Bad Request"},
		"400, nothing stored":   {options: receiver.Options{NoNatives: 400, Whole: true}, why: "400 Bad Request"},
		"422":                   {options: receiver.Options{NoNatives: 422}, why: "422 Unprocessable"},
		"500, feature off":      {options: receiver.Options{NoNatives: 500}, why: "native histograms are disabled"},
		"silent":                {options: receiver.Options{NoNatives: 400, Always2xx: true}, why: "does not confirm"},
		"1.0":                   {options: receiver.Options{V2: receiver.Refuse}, why: "Remote-Write 1.0"},
		"1.0 and silent":        {options: receiver.Options{V2: receiver.Swallow}, why: "Remote-Write 1.0"},
		"1.0 by the setting":    {config: Config{Protocol: "1.0"}, why: "Remote-Write 1.0"},
		"counts what it is not": {options: receiver.Options{NoNatives: 400, Lie: receiver.CountReceived}, why: "400 Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.config.Natives = true
				windows := []*window.Window{histograms(10, 20), testwindow.Later(50, 10, time.Hour)}
				g := newRig(t, c.config, c.options, windows...)
				g.endpoint.met = false
				g.run(t, func() {
					g.wantClassic(t, windows[0].Samples+windows[1].Samples)
					s := g.endpoint.Stats()
					if told := strings.Count(g.log.String(), "native histograms are not sent"); told != 1 || !strings.Contains(s.Natives, c.why) || s.NativePoints+s.NativeRefused > 0 {
						t.Errorf("told %d times, %+v\n%s", told, s, g.log)
					}
					if n := len(nativeSeries(g.receiver)); n > 0 {
						t.Errorf("%d native series are stored", n)
					}
				})
			})
		})
	}
}

// One that takes the canary's and refuses others, or fails on them, has all samples without a search; none are sent to it for a while.
func TestRefusedNativeHistogramsCostNoSample(t *testing.T) {
	for _, status := range []int{400, 409, 413, 415, 422, 429, 500, 503} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := histograms(10, 20)
				refusing := receiver.Options{NoNatives: status, NativesOf: func(s *receiver.Series) bool { return s.Name() != nativeCanary }}
				g := newRig(t, Config{Natives: true, MaxSamples: 300}, refusing, w)
				begin := time.Now()
				g.run(t, func() {
					time.Sleep(30 * time.Second)
					g.wantClassic(t, w.Samples)
					s := g.endpoint.Stats()
					if s.NativePoints > 0 || s.NativeRefused != 200 || s.Protocol != "2.0" {
						t.Errorf("%+v", s)
					}
					refused := 0
					for _, r := range g.receiver.Requests() {
						if r.Status >= 300 {
							refused++
						}
					}
					if refused != 1 {
						t.Errorf("%d requests are refused, want the first with native histograms alone", refused)
					}
					g.receiver.Set(receiver.Options{})
					time.Sleep(nativesPause - time.Since(begin) + time.Second)
					g.tape.push(later(1))
					time.Sleep(time.Second)
					if s := g.endpoint.Stats(); s.NativePoints != 50 || s.NativeRefused != 200 {
						t.Errorf("after the receiver took them: %+v", s)
					}
				})
			})
		})
	}
}

// With the setting off nothing is asked and nothing sent.
func TestNativeHistogramsAreOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := histograms(10, 20)
		g := newRig(t, Config{}, receiver.Options{}, w)
		g.run(t, func() {
			g.wantClassic(t, w.Samples)
			for _, s := range g.receiver.Series() {
				if len(s.Histograms) > 0 {
					t.Errorf("%s is stored", s.Key())
				}
			}
			if s := g.endpoint.Stats(); s.Natives != "" {
				t.Errorf("%+v", s)
			}
		})
	})
}

// A check says whether the receiver takes them, where they are wanted.
func TestCheckOfNativeHistograms(t *testing.T) {
	for _, c := range []struct {
		options receiver.Options
		want    string
	}{
		{receiver.Options{}, "ok accepted; the receiver reports that it stored it"},
		{receiver.Options{NoNatives: 400}, "warning the receiver refuses them: 400 Bad Request"},
		{receiver.Options{V2: receiver.Refuse}, "warning Remote-Write 1.0"},
	} {
		synctest.Test(t, func(t *testing.T) {
			for _, wanted := range []bool{true, false} {
				g := newRig(t, Config{Natives: wanted}, c.options)
				found := ""
				for _, f := range g.endpoint.Check(t.Context()) {
					if f.Step == "native histograms" {
						found = fmt.Sprint(f.Result, " ", f.Found)
					}
				}
				if wanted && !strings.HasPrefix(found, c.want) || !wanted && found != "" {
					t.Errorf("wanted %v: %q, want %q", wanted, found, c.want)
				}
			}
		})
	}
}

// later is a window of histograms of another day.
func later(day int64) *window.Window {
	return testwindow.Altered(histograms(10, 5), func(_ int, was []window.Point) []window.Point {
		for i := range was {
			was[i].T += day * 86_400_000
		}
		return was
	})
}

// One that took them and does not any more is asked after the first refusal, told, and sent none from then on.
func TestReceiverStopsTakingNativeHistograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{Natives: true}, receiver.Options{}, histograms(10, 5))
		g.run(t, func() {
			g.receiver.Set(receiver.Options{NoNatives: 400})
			for day := range int64(4) {
				g.tape.push(later(day + 1))
				time.Sleep(2 * nativesPause)
			}
			g.wantClassic(t, 5*10*6*5)
			s := g.endpoint.Stats()
			if !strings.Contains(s.Natives, "the receiver refuses them: 400") || s.NativePoints != 50 || s.NativeRefused != 50 {
				t.Errorf("%+v", s)
			}
		})
	})
}
