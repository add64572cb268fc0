package main

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"backwire/source/netbackup/nbusim"
)

// The unit's memory is enough for one site of 10,000 clients and for five of 2,000: docs/sizing.md says so, and what more of them
// need. The cap on the series of clients is the default one where it is enough.
func TestMemoryOfSites(t *testing.T) {
	onlyInFull(t)
	if os.Getenv("BACKWIRE_TEST_SITES") == "full" {
		for _, m := range []deployment{{1, 2000}, {1, 10_000}, {5, 2000}, {10, 2000}, {20, 2000}, {1, 50_000}} {
			peak, series := memoryOfSites(t, m, "off")
			t.Logf("%d sites of %d clients, %d series: peak RSS %d MiB without a limit", m.sites, m.clients, series, peak>>20)
		}
		return
	}
	high := memoryHigh(t)
	for _, m := range []deployment{{1, 10_000}, {5, 2000}} {
		peak, series := memoryOfSites(t, m, strconv.FormatInt(high/7*6, 10))
		t.Logf("%d sites of %d clients, %d series: peak RSS %.1f MiB", m.sites, m.clients, series, float64(peak)/(1<<20))
		if least := 5 * m.sites * m.clients; series < least {
			t.Errorf("%d sites of %d clients have %d series, want %d at least", m.sites, m.clients, series, least)
		}
		if peak >= high {
			t.Errorf("%d sites of %d clients: peak RSS is %d bytes, want less than the unit's MemoryHigh, %d", m.sites, m.clients, peak, high)
		}
	}
}

// A site of 10,000 clients in 50 policies, all of them watched, takes 96 MiB at most, without any limit.
func TestMemoryOfTenThousandClients(t *testing.T) {
	if os.Getenv("BACKWIRE_TEST_SITES") != "full" {
		t.Skip("left out: its peak is within a few MiB of the limit, on either side of it; make memory runs it")
	}
	const limit = 96 << 20
	m := deployment{1, 10_000}
	peak, series := memoryOfSites(t, m, "off")
	t.Logf("%d series: peak RSS %.1f MiB", series, float64(peak)/(1<<20))
	if least := 9 * m.clients; series < least {
		t.Errorf("%d clients have %d series, want %d at least", m.clients, series, least)
	}
	if peak > limit {
		t.Errorf("peak RSS is %d bytes, want %d at most", peak, limit)
	}
}

// A site with all that the lists have room for at a large one takes 96 MiB at most, without any limit: 100,000 images in the catalog, 5,000
// hosts, each with a certificate, and 2,000 images that wait for a copy, beside 2,000 clients.
func TestMemoryOfALargeSite(t *testing.T) {
	if os.Getenv("BACKWIRE_TEST_SITES") != "full" {
		t.Skip("left out: it measures; make memory runs it")
	}
	const limit, images = 96 << 20, 100_000
	var served atomic.Int64
	d := deploy(t, deployment{1, 2000}, 20, map[string]string{"INTERVAL": "2s"}, "off", func(s *nbusim.Server) http.Handler {
		s.AddFindings()
		for i := range 5_000 {
			name := "host-" + strconv.Itoa(i)
			s.AddCertificates(nbusim.Certificate{Host: name, Expires: time.Now().AddDate(0, 0, i%700)})
			s.AddHosts(nbusim.Host{Name: name, Mapped: []string{name + ".example"}})
		}
		s.AddSLPImages(make([]nbusim.SLPImage, 2_000)...)
		return largeCatalog(s, images, &served)
	})
	defer d.end()
	for cycles := uint64(3); served.Load() < images; cycles++ {
		d.await(t, cycles, time.Second)
	}
	_, series := d.await(t, 3, time.Second)
	peak := peakMemory(t, d.running)
	t.Logf("%d series: peak RSS %.1f MiB", series, float64(peak)/(1<<20))
	if peak > limit {
		t.Errorf("peak RSS is %d bytes, want %d at most", peak, limit)
	}
	status, err := ask(d.listen)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range status.Sites[0].Collectors {
		if !c.Success {
			t.Errorf("%s has not read its list: %+v", c.Name, c)
		}
	}
}

// largeCatalog answers for the catalog, which the simulator would make anew for each page.
func largeCatalog(next http.Handler, images int, served *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/catalog/images") {
			next.ServeHTTP(w, r)
			return
		}
		q := r.URL.Query()
		limit, _ := strconv.Atoi(q.Get("page[limit]"))
		offset, _ := strconv.Atoi(q.Get("page[offset]"))
		end := min(offset+limit, images)
		var rows []string
		for i := offset; i < end; i++ {
			rows = append(rows, fmt.Sprintf(`{"type":"image","id":"client_%d","attributes":{"malwareStatus":"CLEAN","anomalyStatus":"NOT_ANOMALOUS"}}`, i))
		}
		following := ""
		if end < images {
			following = fmt.Sprintf(`"next":%d,`, end)
		}
		w.Header().Set("Content-Type", "application/vnd.netbackup+json;version=14.0")
		_, _ = fmt.Fprintf(w, `{"data":[%s],"meta":{"pagination":{%s"count":%d}}}`, strings.Join(rows, ","), following, images)
		served.Add(int64(len(rows)))
	})
}

// What a cycle of the same site takes of CPU is measured, of the whole program: with what it takes to send, and without, where bundles
// are written once an hour instead.
func TestCycleOfTenThousandClients(t *testing.T) {
	if os.Getenv("BACKWIRE_TEST_SITES") != "full" {
		t.Skip("left out: it measures; make cycle runs it")
	}
	m := deployment{1, 10_000}
	took, peak := cycleOf(t, m, map[string]string{"REMOTE_WRITE_URL": "file://" + t.TempDir(), "REMOTE_WRITE_PROTOCOL": ""})
	t.Logf("without sending: %.1f ms of CPU a cycle, peak RSS %.1f MiB", took.Seconds()*1000, float64(peak)/(1<<20))
	took, peak = cycleOf(t, m, nil)
	t.Logf("with sending: %.1f ms of CPU a cycle, peak RSS %.1f MiB", took.Seconds()*1000, float64(peak)/(1<<20))
}

// cycleOf is the CPU time of a cycle, over some of them after the history was read, and the peak of memory. There is a job a second.
func cycleOf(t *testing.T, m deployment, endpoint map[string]string) (took time.Duration, peak int64) {
	t.Helper()
	const settled, cycles = 45, 60
	const pause = 20 * time.Second // the answer costs the agent as much as a cycle
	settings := map[string]string{"INTERVAL": "2s"}
	maps.Copy(settings, endpoint)
	d := deploy(t, m, 60, settings, "off")
	defer d.end()
	first, _ := d.await(t, settled, pause)
	before := d.running.used(t)
	last, _ := d.await(t, settled+cycles, pause)
	after := d.running.used(t)
	return (after.cpu - before.cpu) / time.Duration(last-first), after.peak
}

// memoryHigh is the unit's, in bytes: what it may use before the kernel slows it.
func memoryHigh(t *testing.T) int64 {
	t.Helper()
	unit, err := os.ReadFile(filepath.Join("..", "..", "packaging", "systemd", "backwire.service"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^MemoryHigh=([0-9]+)M$`).FindSubmatch(unit)
	if found == nil {
		t.Fatal("the unit has no MemoryHigh in M")
	}
	n, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 20
}

// deployment is what an agent has to do with.
type deployment struct{ sites, clients int }

// memoryOfSites runs the program until each site had some cycles, the first of which reads an hour's history, and returns its peak
// in bytes and the series of a cycle.
func memoryOfSites(t *testing.T, m deployment, limit string) (peak int64, series int) {
	t.Helper()
	d := deploy(t, m, 20, map[string]string{"INTERVAL": "10s"}, limit)
	defer d.end()
	_, series = d.await(t, 3, time.Second)
	return peakMemory(t, d.running), series
}

// deployed is an agent at work.
type deployed struct {
	deployment
	running  *process
	listen   string
	primary  *nbusim.Server
	receiver *httptest.Server
}

func (d *deployed) end() {
	_ = d.running.end(syscall.SIGKILL)
	d.receiver.Close()
	_ = d.primary.Close()
}

// deploy starts the program with jobs of this rate, an hour of which is behind it. All sites ask one server, which costs the agent what
// as many servers do.
func deploy(t *testing.T, m deployment, jobsPerMinute float64, settings map[string]string, limit string, large ...func(*nbusim.Server) http.Handler) *deployed {
	t.Helper()
	s := newStand(t)
	primary, err := nbusim.New(nbusim.Options{Storage: nbusim.NewEstate(8)})
	if err != nil {
		t.Fatal(err)
	}
	work := nbusim.Workload{Seed: 1, JobsPerMinute: jobsPerMinute, Policies: 50, Clients: m.clients}
	primary.AddHistory(work, 4*m.clients, 50*time.Minute)
	if err := primary.StartTLS("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	primary.Work(work)
	address, ca := primary.URL(), string(primary.CA())
	for _, f := range large {
		front := httptest.NewTLSServer(f(primary))
		t.Cleanup(front.Close)
		address = front.URL + nbusim.Mount
		ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}))
	}
	push := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	var names []string
	for i := range m.sites {
		names = append(names, fmt.Sprintf("s%d", i))
		s.settings[fmt.Sprintf("NETBACKUP_S%d_URL", i)] = address
	}
	delete(s.settings, "NETBACKUP_SITE")
	delete(s.settings, "NETBACKUP_URL")
	maps.Copy(s.settings, map[string]string{
		"NETBACKUP_SITES": strings.Join(names, ","), "NETBACKUP_CA_FILE": s.file(t, "sites-ca.pem", ca),
		"NETBACKUP_MAX_CLIENT_SERIES": strconv.Itoa(max(50_000, 6*m.clients)), "LISTEN": freePort(t), "REMOTE_WRITE_URL": push.URL + "/api/v1/write", "REMOTE_WRITE_PROTOCOL": "1.0",
	})
	maps.Copy(s.settings, settings)
	running := start(t, append(s.environ(), "GOMEMLIMIT="+limit), buildPrograms(t).backwire, "run")
	return &deployed{m, running, s.settings["LISTEN"], primary, push}
}

// await waits until each site had so many cycles, and asks again after a pause. It returns how many all of them had, and the series of a cycle.
func (d *deployed) await(t *testing.T, each uint64, pause time.Duration) (cycles uint64, series int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute) // fifty sites take their time where the machine has other work
	defer cancel()
	for {
		cycles, series, err := d.had(each)
		if err == nil {
			return cycles, series
		}
		if !wait(ctx, pause) {
			t.Fatal(err)
		}
	}
}

func (d *deployed) had(each uint64) (cycles uint64, series int, err error) {
	status, err := ask(d.listen)
	if err != nil {
		return 0, 0, err
	}
	if len(status.Sites) != d.sites {
		return 0, 0, fmt.Errorf("%d of %d sites", len(status.Sites), d.sites)
	}
	for _, site := range status.Sites {
		if site.Cycles < each || len(site.Recent) == 0 {
			return 0, 0, fmt.Errorf("%s had %d of %d cycles", site.Name, site.Cycles, each)
		}
		cycles += site.Cycles
		series += site.Recent[0].Samples
	}
	return cycles, series, nil
}
