package netbackup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const (
	collectorHosts = "hosts"
	hostNamespace  = "|MANAGE|HOSTS|"
)

// hostCollector counts the hosts that the server knows, and finds the clients among them that no active policy names.
func hostCollector() collector {
	return collector{
		Name: collectorHosts, Noun: "host", Section: sectionClients, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).Hosts),
		Role: collect.Role{Namespace: hostNamespace, Screen: "Security > Host mappings", Without: "no hosts by release, not known which clients are in no policy"},
		Start: func(w *workplace) collect.Reader {
			hosts := w.Gauge("nbu_hosts", "",
				"Hosts that the server knows (primary and media servers, clients), by release of NetBackup and operating system. Those that are decommissioned do not count.", "nbu_version", "os")
			h := &hostBook{site: w.site}
			h.without = w.Gauge("nbu_hosts_without_policy", "",
				"Clients among the hosts of which no name, the approved host mappings included, is in an active policy, and that no policy with a query has found. Absent as long as some policies are not known.")
			w.site.hosts = h
			h.cached = collect.NewCached(w.site.background, w.Place, settled, func(ctx context.Context, pages *collect.Pages, g *collect.Gauges) (int, error) {
				clients := []clientHost{}
				n, err := collect.CountRows(w.client().Hosts, func(g *collect.Gauges, x *api.Host) {
					if !x.Retired.IsZero() {
						return
					}
					g.Count(hosts, x.Version, x.OS)
					if x.Type == api.HostClient {
						clients = append(clients, clientHost{x.Name, namesOf(x)})
					}
				})(api.WithBudget(ctx, pages), g)
				if err == nil && n > 0 { // every server knows itself: where there is none the role does not show them
					h.whole.Store(&clients)
				}
				return n, err
			})
			return h.read
		},
	}
}

// clientHost is a client that the server knows, and all its names in lower case.
type clientHost struct {
	name  string
	names []string
}

func namesOf(x *api.Host) []string {
	names := []string{strings.ToLower(x.Name)}
	for _, mapped := range x.Mapped {
		if lower := strings.ToLower(mapped); !slices.Contains(names, lower) {
			names = append(names, lower)
		}
	}
	return names
}

// hostBook compares the clients that the server knows with those of its policies.
type hostBook struct {
	site    *Site
	without *collect.Family
	cached  *collect.Cached
	whole   atomic.Pointer[[]clientHost] // a list that was read to its end, until it is taken

	clients  []clientHost // nil where the last reading failed
	book     uint64       // the reading of the policies that they were compared with; 0 where they were not yet
	inNoneOf []string     // the clients that none of them names, in order
	compared bool         // inNoneOf says something
}

func (h *hostBook) read(ctx context.Context, now int64) (int, error) {
	n, err := h.cached.Read(ctx, now)
	switch clients := h.whole.Swap(nil); {
	case clients != nil:
		h.clients, h.book = *clients, 0
	case err != nil && !errors.Is(err, collect.ErrUnfinished), n == 0:
		h.clients = nil
	}
	return n, err
}

// emit tells which clients are in no active policy. It is called once the policies of the cycle are told.
func (h *hostBook) emit() {
	p := h.site.policies
	if h.compared = h.clients != nil && h.site.unknownSchedules() == ""; !h.compared {
		h.inNoneOf, h.book = nil, 0
		return
	}
	if h.book != p.reading {
		h.book, h.inNoneOf = p.reading, h.compare(p.protected())
	}
	p.Gauges.Set(h.without, float64(len(h.inNoneOf)))
}

func (h *hostBook) compare(protected map[string]bool) (none []string) {
	for _, c := range h.clients {
		if !slices.ContainsFunc(c.names, func(name string) bool { return protected[name] }) {
			none = append(none, c.name)
		}
	}
	slices.Sort(none)
	return none
}

// protected are the clients of the active policies, in lower case: those that they name, and those that their queries have found.
func (p *policies) protected() map[string]bool {
	names := map[string]bool{}
	for _, file := range p.plans {
		if !file.plan.Query && !file.plan.Runs.Inactive {
			for _, client := range file.plan.Clients {
				names[strings.ToLower(client)] = true
			}
		}
	}
	for _, clients := range p.foundClients() {
		for _, client := range clients {
			names[strings.ToLower(client)] = true
		}
	}
	return names
}
