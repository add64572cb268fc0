package agent

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// hosts are the names that a page without a guard of its own is asked by. Another name is that of a web page whose owner
// has it lead to this machine, so that a browser here reads for them what only this machine may see (DNS rebinding).
type hosts struct {
	all   bool // the page asks for passwords or certificates, which a browser gives to no other name
	named []string
}

// pageHosts are those of a configuration. Loopback names are known in any case.
func pageHosts(c *Config) hosts {
	host, _, _ := net.SplitHostPort(string(c.Listen)) // it has been validated, or there is no page
	h := hosts{named: append([]string{host}, c.ListenHosts...)}
	if c.ListenConfigFile != "" {
		p, err := readProtection(c.ListenConfigFile)
		h.all = err == nil && (p.password || p.mutual)
	}
	return h
}

// known says whether a request's Host is one of them. HTTP 1.0 has none, and no browser speaks it.
func (h hosts) known(header string) bool {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.Trim(header, "[]")
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	named := func(name string) bool { return strings.EqualFold(strings.TrimSuffix(name, "."), host) && name != "" }
	return h.all || header == "" || loopbackHost(host) || slices.ContainsFunc(h.named, named)
}

// only answers those who ask by a known name.
func (h hosts) only(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.known(r.Host) {
			http.Error(w, "this host name is not accepted; use the address in "+prefix+"_LISTEN, or set "+prefix+"_LISTEN_HOSTS",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
