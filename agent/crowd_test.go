package agent

import (
	"cmp"
	"fmt"
	"slices"

	"backwire/source/overview"
)

// manySites are as many as this, each with the night of the scene's one.
func (s *scene) manySites(sites int) *scene {
	many := &scene{status: s.status}
	many.status.Sites = nil
	for i := range sites {
		name := fmt.Sprintf("site-%02d", i+1)
		seen, status := *s.overviews[0], s.status.Sites[0]
		seen.Name, status.Name = name, name
		status.URL = "https://primary." + name + ".example:1556/netbackup"
		many.overviews = append(many.overviews, &seen)
		many.status.Sites = append(many.status.Sites, status)
	}
	return many
}

// manyClients are as many as this at the scene's site, each with the night of one of the scene's.
func (s *scene) manyClients(clients int) *scene {
	seen := *s.overviews[0]
	known := slices.Clone(seen.Clients)
	slices.SortFunc(known, func(a, b overview.ClientPolicy) int {
		return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Policy, b.Policy))
	})
	seen.Clients = nil
	for i := range clients {
		c := known[i%len(known)]
		c.Client = fmt.Sprintf("%05d.%s", i, c.Client)
		seen.Clients = append(seen.Clients, c)
	}
	return &scene{status: s.status, overviews: []*overview.Site{&seen}}
}

// crowds are the scene as it is, with twenty sites, and with 10,000 clients.
func (s *scene) crowds() map[string]*scene {
	return map[string]*scene{"": s, "sites": s.manySites(20), "clients": s.manyClients(10_000)}
}
