package netbackup

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// A large site is asked for everything, with at most 40 requests a minute on average, and no cycle waits for a long list.
func TestRequestsOfALargeSite(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: three hours of a large site")
	}
	synctest.Test(t, func(t *testing.T) {
		images := &largeCatalog{count: 100_000}
		r := newRig(t, nbusim.Options{Storage: nbusim.NewEstate(24)}, func(c *SiteConfig) {
			images.next, c.Client.Transport = c.Client.Transport, images
		})
		r.sim.AddFindings()
		for i := range 5_000 {
			r.sim.AddCertificates(nbusim.Certificate{Host: "host-" + strconv.Itoa(i), Expires: time.Now().AddDate(0, 0, i%700)})
		}
		for i := range 5_000 {
			r.sim.AddHosts(nbusim.Host{Name: "host-" + strconv.Itoa(i), Mapped: []string{"host-" + strconv.Itoa(i) + ".example"}})
		}
		services := []nbusim.Service{}
		for i := range 100 {
			name := "server-" + strconv.Itoa(i)
			r.sim.AddHosts(nbusim.Host{Name: name, Type: "MEDIA_SERVER"})
			for _, service := range []string{"bpcd", "nbrmms", "vnetd", "spoold", "spad", "ltid", "nbsl", "bpcompatd", "nbostpxy", "nbcssc"} {
				services = append(services, nbusim.Service{Host: name, Name: service})
			}
		}
		r.sim.SetServices(services...)
		r.sim.AddSLPImages(make([]nbusim.SLPImage, 2_000)...)
		for i := range 2_000 {
			r.sim.AddAuditRecords(nbusim.AuditRecord{At: time.Now().Add(time.Duration(i) * time.Minute)})
			r.sim.AddKMSKeys(nbusim.KMSKey{Service: "kms-" + strconv.Itoa(i%10)})
		}
		r.sim.Work(nbusim.Workload{Seed: 1, JobsPerMinute: 10})
		const minutes = 240 // a list of 100,000 rows is read again after two hours
		for range minutes {
			began := time.Now().Truncate(minute).Add(minute)
			r.tick()
			if late := time.Since(began); late > minute/2+time.Second {
				t.Errorf("a cycle took %v", late)
			}
		}
		asked := float64(len(r.sim.RequestLog())+images.asked) / minutes
		if asked > 40 || images.asked < 2_000 {
			t.Errorf("%.1f requests a minute, of images %d in all", asked, images.asked)
		}
		t.Logf("%.1f requests a minute", asked)
		r.want(100_000, "nbu_images")
		r.want(2_012, "nbu_slp_images", "slp", "gold", "state", "IN_PROCESS")
		r.want(200, "nbu_kms_keys", "kms", "kms-9")
		if running, _ := r.live("nbu_service_up"); running != 1_000 {
			t.Errorf("%v services run", running)
		}
		if hosts, _ := r.live("nbu_hosts"); hosts < 5_000 {
			t.Errorf("%v hosts", hosts)
		}
		for _, name := range Collectors() {
			r.want(1, "nbu_collector_success", "collector", name)
		}
	})
}

// largeCatalog answers for the catalog, which the simulator would make anew for each page.
type largeCatalog struct {
	next  http.RoundTripper
	count int
	asked int
}

// RoundTrip implements http.RoundTripper.
func (m *largeCatalog) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, "/catalog/images") {
		return m.next.RoundTrip(req)
	}
	m.asked++
	q := req.URL.Query()
	limit, _ := strconv.Atoi(q.Get("page[limit]"))
	offset, _ := strconv.Atoi(q.Get("page[offset]"))
	var rows []string
	for i := offset; i < min(offset+limit, m.count); i++ {
		rows = append(rows, fmt.Sprintf(`{"type":"image","id":"client_%d","attributes":{"malwareStatus":"CLEAN","anomalyStatus":"NOT_ANOMALOUS"}}`, i))
	}
	next := ""
	if offset+limit < m.count {
		next = fmt.Sprintf(`"next":%d,`, offset+limit)
	}
	body := fmt.Sprintf(`{"data":[%s],"meta":{"pagination":{%s"count":%d}}}`, strings.Join(rows, ","), next, m.count)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/vnd.netbackup+json;version=14.0"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}
