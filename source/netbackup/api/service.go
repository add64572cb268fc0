package api

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/url"

	"backwire/source/guard"
)

// Service is one of a primary or media server, a row of /admin/hosts/{hostId}/services.
type Service struct {
	Host   string // its name
	Name   string // of the daemon; empty where the host's services cannot be listed
	Status string // RUNNING, STOPPED or DISABLED
}

// mostServers is how many hosts are asked for their services.
const mostServers = 1000

// Services lists the services of the primary and media servers, host after host. Of one that cannot tell them, as when it is down,
// there is a row without a name; where no host can, that is the error.
func (c *Client) Services(ctx context.Context) iter.Seq2[*Service, error] {
	return func(yield func(*Service, error) bool) {
		servers, err := c.servers(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		told, refused := 0, error(nil)
		ctx = WithBudget(ctx, once{budgetOf(ctx)})
		for _, h := range servers {
			services, err := c.servicesOf(ctx, h)
			switch {
			case ofHost(err):
				services, refused = []*Service{{Host: h.Name}}, cmp.Or(refused, err)
			case err != nil:
				yield(nil, err)
				return
			default:
				told++
			}
			for _, s := range services {
				if !yield(s, nil) {
					return
				}
			}
		}
		if told == 0 && refused != nil {
			yield(nil, refused)
		}
	}
}

// ofHost says that an answer is about the host that was asked for: it is gone, down, of a release without it, in a cloud, or talks nonsense.
func ofHost(err error) bool {
	return errors.Is(err, ErrNotOffered) || errors.Is(err, ErrServer) || errors.Is(err, ErrBusy) || errors.Is(err, ErrRequest) ||
		errors.Is(err, ErrDecode)
}

// once asks for no page a second time: the next host is not kept waiting for one that is down.
type once struct{ Budget }

// Again implements Budget.
func (once) Again(context.Context, error) bool { return false }

// servers are the primary and the media servers. The types are asked for: at a large site nearly all hosts are clients.
func (c *Client) servers(ctx context.Context) (servers []*Host, err error) {
	for _, hostType := range []string{hostPrimary, hostMedia} {
		for h, err := range c.hostsOf(ctx, "service", hostType) {
			if err != nil {
				return nil, err
			}
			if h.ID == "" || h.Type != hostType || !h.Retired.IsZero() { // a server may ignore the filter
				continue
			}
			if servers = append(servers, h); len(servers) > mostServers {
				return nil, c.Beyond("/config/hosts", guard.Limit{What: "a list", Most: mostServers, Unit: "primary and media servers"})
			}
		}
	}
	return servers, nil
}

// servicesOf reads all services of a host: of one that breaks off none is told.
func (c *Client) servicesOf(ctx context.Context, h *Host) (services []*Service, err error) {
	rows := listing[*Service]{
		row:  serviceRow,
		list: list{client: c, noun: "service", path: "/admin/hosts/" + url.PathEscape(h.ID) + "/services", pager: inOne},
	}.rows(ctx)
	for s, err := range rows {
		if err != nil {
			return nil, err
		}
		s.Host = h.Name
		services = append(services, s)
	}
	return services, nil
}

func serviceRow(d *decoder) (s *Service, ok bool) {
	s = &Service{}
	for name := range d.attributes() {
		if string(name) == "status" {
			s.Status = d.word()
		} else {
			d.skip()
		}
	}
	s.Name = string(d.id)
	return s, s.Name != "" && s.Status != ""
}
