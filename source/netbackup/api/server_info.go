package api

import (
	"context"
	"net/http"
)

// ServerInfo is what /security/serverinfo says of the primary server.
type ServerInfo struct {
	Name    string
	Version string // NetBackup's, as 11.0.0.1
}

// ServerInfo asks who the server is. No credential is needed.
func (c *Client) ServerInfo(ctx context.Context) (ServerInfo, error) {
	a, err := c.call(ctx, request{method: http.MethodGet, path: "/security/serverinfo", anonymous: true})
	if err != nil {
		return ServerInfo{}, err
	}
	defer a.release()
	d := c.borrowDecoder("server_info")
	defer c.returnDecoder(d)
	info, err := serverInfo(d, a.body)
	if err != nil {
		return ServerInfo{}, c.unreadable(a, "expected the server's name and version", err)
	}
	return info, nil
}

func serverInfo(d *decoder, body []byte) (info ServerInfo, err error) {
	d.reset(body)
	for name := range d.members() {
		switch string(name) {
		case "serverName":
			info.Name = d.text()
		case "nbuVersion":
			info.Version = d.text()
		default:
			d.skip()
		}
	}
	return info, d.failure()
}
