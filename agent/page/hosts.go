package page

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"backwire/agent/config"
)

// Hosts are the names that a page without a guard of its own is asked by. Another name is that of a web page whose owner
// has it lead to this machine, so that a browser here reads for them what only this machine may see (DNS rebinding).
type Hosts struct {
	All   bool     // the page asks for passwords or certificates, which a browser gives to no other name
	Named []string // beside loopback, which is known in any case
}

// known says whether a request's Host is one of them. HTTP 1.0 has none, and no browser speaks it.
func (h Hosts) known(header string) bool {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.Trim(header, "[]")
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	named := func(name string) bool { return strings.EqualFold(strings.TrimSuffix(name, "."), host) && name != "" }
	return h.All || header == "" || config.LoopbackHost(host) || slices.ContainsFunc(h.Named, named)
}

// Only answers those who ask by a known name.
func (h Hosts) Only(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.known(r.Host) {
			http.Error(w, "this host name is not accepted; use the address in BACKWIRE_LISTEN, or set BACKWIRE_LISTEN_HOSTS",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
