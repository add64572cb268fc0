package netbackup

import (
	"bytes"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/nbusim"
)

// Every release tells the services of a host (admin.yaml): those of the primary and media servers are asked for, and no client's.
func TestServices(t *testing.T) {
	for _, release := range []string{"10.3", "10.5", "11.0", "11.2"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			r.sim.AddHosts(
				nbusim.Host{Name: "primary.example", Type: "PRIMARY_SERVER"}, nbusim.Host{Name: "media-1", Type: "MEDIA_SERVER"},
				nbusim.Host{Name: "client-1"}, nbusim.Host{Name: "what", Type: "NOT_DEFINED"},
			)
			r.sim.SetServices(
				nbusim.Service{Host: "primary.example", Name: "nbpem"}, nbusim.Service{Host: "primary.example", Name: "nbkms", Status: "DISABLED"},
				nbusim.Service{Host: "media-1", Name: "nbrmms", Status: "STOPPED"}, nbusim.Service{Host: "client-1", Name: "bpcd"},
			)
			r.tick()
			r.want(1, "nbu_service_up", "host", "primary.example", "service", "nbpem")
			r.want(none(), "nbu_service_up", "service", "nbkms")
			r.want(0, "nbu_service_up", "host", "media-1", "service", "nbrmms")
			r.want(1, "nbu_services_known", "host", "media-1")
			for _, asked := range r.sim.RequestLog() {
				if strings.Contains(asked.Path, "client-1") || strings.Contains(asked.Path, "what") {
					t.Errorf("%s: asked for %s", release, asked.Path)
				}
			}
			r.sim.SetServices(nbusim.Service{Host: "primary.example", Name: "nbpem", Status: "STOPPED"})
			for range 15 { // the services are read again
				r.tick()
			}
			r.want(0, "nbu_service_up", "host", "primary.example", "service", "nbpem")
		})
	}
}

// A server that is down (500, 503), in a cloud (400), of an old release (501) or gone (404) costs no other its services, and no time.
func TestServicesOfAServerThatIsDown(t *testing.T) {
	effects := []nbusim.Effect{nbusim.Body("<html>"), nbusim.Body(`{"data":7}`)}
	for _, status := range []int{http.StatusBadRequest, http.StatusNotFound, http.StatusInternalServerError, http.StatusNotImplemented, http.StatusServiceUnavailable} {
		effects = append(effects, nbusim.Status(status))
	}
	for _, effect := range effects {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()})
			for _, name := range []string{"media-1", "media-2", "media-3"} {
				r.sim.AddHosts(nbusim.Host{Name: name, Type: "MEDIA_SERVER"})
			}
			r.sim.SetServices(nbusim.Service{Host: "media-1", Name: "bpcd"}, nbusim.Service{Host: "media-2", Name: "bpcd"}, nbusim.Service{Host: "media-3", Name: "bpcd"})
			r.sim.Inject(nbusim.Fault{Path: "/admin/hosts/uuid-media-2/services", Effect: effect})
			r.tick()
			r.want(1, "nbu_collector_success", "collector", "services")
			r.want(1, "nbu_service_up", "host", "media-1", "service", "bpcd")
			r.want(none(), "nbu_service_up", "host", "media-2")
			r.want(1, "nbu_service_up", "host", "media-3", "service", "bpcd")
			r.want(0, "nbu_services_known", "host", "media-2")
			r.want(1, "nbu_services_known", "host", "media-3")
		})
	}
}

// Where no host tells them the release or the role does not, and that is said once. A credential that is refused is refused at once.
func TestServicesAreNotToBeHad(t *testing.T) {
	for status, success := range map[int]float64{http.StatusNotFound: none(), http.StatusNotImplemented: none(), http.StatusForbidden: 0, http.StatusInternalServerError: 0} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Collect = []string{"services", collectorStorage} })
			r.log = slog.New(slog.NewTextHandler(&log, nil))
			r.start()
			r.sim.AddFindings()
			r.sim.Inject(nbusim.Fault{Path: "/admin/hosts/*/services", Effect: nbusim.Status(status)})
			for range 20 {
				r.tick()
			}
			if said := strings.Count(log.String(), "collector=services"); said != 1 {
				t.Errorf("%d was said %d times:\n%s", status, said, &log)
			}
			r.want(success, "nbu_collector_success", "collector", "services")
			r.want(none(), "nbu_service_up")
			r.want(none(), "nbu_services_known")
		})
	}
}

// A row without a name or a status says nothing. Rows that the filter did not ask for are clients, whatever the server makes of it.
func TestUntidyServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/config/hosts", Effect: nbusim.Body(`{"hosts":[{"uuid":"uuid-p","hostName":"p","nbuHostType":"primary_server"},
{"uuid":"uuid-c","hostName":"c","nbuHostType":"CLIENT"},{"hostName":"x","nbuHostType":"MEDIA_SERVER"},
{"uuid":"uuid-r","hostName":"r","nbuHostType":"MEDIA_SERVER","decommissionedDateTime":1700000000000}]}`)})
		r.sim.Inject(nbusim.Fault{Path: "/admin/hosts/uuid-p/services", Effect: nbusim.Body(`{"data":[{"id":"nbpem","attributes":{"status":"running"}},
{"id":"nbjm","attributes":{"status":"PAUSED"}},{"id":"nbrb","attributes":{"status":null}},{"id":null,"attributes":{"status":"STOPPED"}},{"id":"nbemm"}]}`)})
		r.tick()
		r.want(1, "nbu_service_up", "host", "p", "service", "nbpem")
		r.want(1, "nbu_service_up")
		r.want(1, "nbu_services_known")
		if got := r.store.sum("nbu_rows_unreadable_total", "collector", "services"); got != 3 {
			t.Errorf("%v rows cannot be read, want 3", got)
		}
	})
}

// However many media servers there are, their services take ten requests a minute at most on average, and 50 in one minute.
func TestServicesOfManyServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		services := []nbusim.Service{}
		for i := range 400 {
			name := "media-" + strconv.Itoa(i)
			r.sim.AddHosts(nbusim.Host{Name: name, Type: "MEDIA_SERVER"})
			services = append(services, nbusim.Service{Host: name, Name: "bpcd"})
		}
		r.sim.SetServices(services...)
		const minutes = 180
		asked := 0
		for i := range minutes {
			r.tick()
			before := asked
			asked = 0
			for _, q := range r.sim.RequestLog() {
				if strings.HasSuffix(q.Path, "/services") {
					asked++
				}
			}
			if asked > before+50 {
				t.Errorf("%d hosts were asked in minute %d", asked-before, i)
			}
		}
		if asked < 1200 || asked > 10*minutes {
			t.Errorf("hosts were asked %d times in %d minutes", asked, minutes)
		}
		if known, _ := r.live("nbu_services_known"); known != 400 {
			t.Errorf("the services of %v hosts are known", known)
		}
		r.want(1, "nbu_services_known", "host", "media-399")
	})
}
