package netbackup

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"syscall"
	"testing"
	"time"

	"backwire/source"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
)

// BenchmarkTenThousandClients is a cycle in which nothing ended, of 10,000 clients in 50 policies that all have series and due dates:
// what is watched is paid for each minute. The bytes are what the site holds.
func BenchmarkTenThousandClients(b *testing.B) {
	clock := time.Date(2027, 7, 1, 22, 0, 0, 0, time.UTC)
	now := func() time.Time { return clock }
	sim, err := nbusim.New(nbusim.Options{Clock: now, Storage: oneUnit()})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 50 {
		p := daily(fmt.Sprintf("policy-%02d", i))
		for n := range 200 {
			p.Clients = append(p.Clients, fmt.Sprintf("client-%02d-%03d.example.com", i, n))
		}
		p.Schedules[0].Windows = nbusim.Windows(20*time.Hour, 8*time.Hour, 0, 1, 2, 3, 4, 5, 6)
		sim.AddPolicy(p)
		for n, client := range p.Clients {
			sim.AddJob(nbusim.JobSpec{Policy: p.Name, Client: client, Life: nbusim.Run(time.Second, time.Duration(n)*time.Second, n%40/39*42)})
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	site, err := NewSite(SiteConfig{
		Client: api.Config{
			Site: "paris", URL: &url.URL{Scheme: "https", Host: "primary.example:1556", Path: nbusim.Mount}, Transport: sim.Transport(), Concurrency: 1,
			APIKey: func() (string, error) { return nbusim.DefaultKey, nil },
		},
		Interval: minute, Backfill: 24 * time.Hour, TimeZone: time.UTC, MaxClientSeries: 80_000, Collect: []string{collectorJobs, collectorPolicies},
	}, source.Checkpoint{}, slog.New(slog.DiscardHandler), now)
	if err != nil {
		b.Fatal(err)
	}
	samples := 0
	cycle := func() {
		clock = clock.Add(minute)
		for c := range site.Collect(context.Background(), clock) {
			samples = len(c.Batches[len(c.Batches)-1].Samples)
		}
	}
	for range 40 {
		cycle()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if len(site.clients.pairs) != 10_000 {
		b.Fatalf("%d clients have series", len(site.clients.pairs))
	}
	b.ReportAllocs()
	began, cycles := used(), 0
	for b.Loop() {
		cycle()
		cycles++
	}
	b.ReportMetric(float64((used()-began).Milliseconds())/float64(cycles), "CPU-ms/op")
	b.ReportMetric(float64(samples), "samples")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
}

// used is the CPU time of the process.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
