package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The media type versions that this client knows: 10.0 is NetBackup 10.3, 14.0 is 11.2.
// The jobs of 9.0 already come as they do today; before that they did not.
const (
	newestVersion = 14
	oldestVersion = 9
)

// apiVersion is a media type version, as 14.0; the zero value is "not known".
type apiVersion struct{ major, minor int }

func (v apiVersion) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v apiVersion) known() bool { return v.major > 0 }

// parseVersion reads "14.0" or "14".
func parseVersion(s string) (apiVersion, bool) {
	major, minor, dotted := strings.Cut(strings.TrimSpace(s), ".")
	var v apiVersion
	var err error
	if v.major, err = strconv.Atoi(major); err != nil || v.major <= 0 {
		return apiVersion{}, false
	}
	if dotted {
		if v.minor, err = strconv.Atoi(minor); err != nil || v.minor < 0 {
			return apiVersion{}, false
		}
	}
	return v, true
}

func parseFixedVersion(s string) (apiVersion, error) {
	if s == "" {
		return apiVersion{}, nil
	}
	v, ok := parseVersion(s)
	if !ok {
		return apiVersion{}, fmt.Errorf("netbackup client: API version %q: expected a number such as 13.0", s)
	}
	return v, nil
}

// negotiated is the version that requests are sent in.
type negotiated struct {
	fixed apiVersion // by configuration: never anything else

	mu      sync.Mutex
	current apiVersion
	named   bool // the server named its newest version; false means the ladder decides
}

func (n *negotiated) get() apiVersion {
	if n.fixed.known() {
		return n.fixed
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.current
}

// offer takes the header of a ping: the smaller of what the server and this client know.
// Without a header a version that was found by trying is kept.
func (n *negotiated) offer(header string) {
	newest := apiVersion{major: newestVersion}
	v, ok := parseVersion(header)
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case !ok && n.current.known() && !n.named:
	case !ok:
		n.current, n.named = newest, false
	case v.major >= newestVersion:
		n.current, n.named = newest, true
	default:
		n.current, n.named = v, true
	}
}

// descend takes one step down the ladder from refused. It says false at its foot, or
// where the server itself names its version.
func (n *negotiated) descend(refused apiVersion) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.current != refused {
		return true // somebody else found another meanwhile
	}
	if n.named || refused.major <= oldestVersion {
		return false
	}
	n.current = apiVersion{major: refused.major - 1}
	return true
}

// Ping is what a server says before anybody has logged in.
type Ping struct {
	ServerTime time.Time
	RoundTrip  time.Duration // of the request that was answered
	APIVersion string        // the one that requests are sent in
	TrustEnds  time.Time     // when the first certificate of its chain expires; zero over plain http
}

// Ping asks for the server's clock, and settles the version to speak by its newest.
func (c *Client) Ping(ctx context.Context) (Ping, error) {
	a, err := c.transmit(ctx, request{
		method: http.MethodGet, path: "/ping", accept: "text/vnd.netbackup+plain", anonymous: true,
	})
	if err != nil {
		return Ping{}, err
	}
	defer a.release()
	ms, err := strconv.ParseInt(string(bytes.Trim(a.body, "\" \t\r\n")), 10, 64)
	if err != nil {
		return Ping{}, c.unreadable(a, "expected the server's time in milliseconds", nil)
	}
	c.version.offer(a.header.Get("X-NetBackup-API-Version"))
	return Ping{
		ServerTime: time.UnixMilli(ms).UTC(),
		RoundTrip:  a.took,
		APIVersion: c.version.get().String(),
		TrustEnds:  a.expires,
	}, nil
}

// currentVersion is the negotiated version, asked for if nobody has.
func (c *Client) currentVersion(ctx context.Context) (apiVersion, error) {
	if v := c.version.get(); v.known() {
		return v, nil
	}
	err := c.together(ctx, "ping", func() error {
		if c.version.get().known() {
			return nil
		}
		_, err := c.Ping(ctx)
		return err
	})
	return c.version.get(), err
}

// settleVersion finds another version after refused was refused: the server was upgraded
// or downgraded, or it never says what it speaks.
func (c *Client) settleVersion(ctx context.Context, refused apiVersion, cause error) (apiVersion, error) {
	if c.version.fixed.known() {
		return refused, WithHint(cause, "the configured API version is "+refused.String()+": remove the setting to detect the version")
	}
	err := c.together(ctx, "version", func() error {
		if c.version.get() != refused {
			return nil
		}
		_, err := c.Ping(ctx)
		return err
	})
	if err != nil {
		return refused, err
	}
	if !c.version.descend(refused) {
		return refused, WithHint(cause, "this client supports "+apiVersion{major: oldestVersion}.String()+" to "+
			apiVersion{major: newestVersion}.String()+" (NetBackup 10.2 to 11.2)")
	}
	return c.version.get(), nil
}

// together runs f once for all who ask at the same time. A caller whose time is not over
// does not fail for one whose time was.
func (c *Client) together(ctx context.Context, key string, f func() error) error {
	for {
		_, err, shared := c.flights.Do(key, func() (any, error) { return nil, f() })
		if err == nil || !shared || ctx.Err() != nil || !interrupted(err) {
			return err
		}
	}
}

// Release is the NetBackup release that an API version came with, empty for one that is
// not known.
func Release(apiVersion string) string {
	switch apiVersion {
	case "10.0":
		return "10.3"
	case "11.0":
		return "10.4"
	case "12.0":
		return "10.5"
	case "13.0":
		return "11.0"
	case "14.0":
		return "11.2"
	}
	return ""
}
