package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"backwire/source"
)

// The types of the configuration's fields. The text of an UnmarshalText error is what was
// expected, and never repeats the input, which may hold a password.

// Duration is Go's notation with a d for days on top: 90s, 24h, 7d, 1d12h.
type Duration time.Duration

// UnmarshalText parses the notation.
func (d *Duration) UnmarshalText(text []byte) error {
	expected := errors.New("expected a duration such as 30s, 5m, 24h or 7d")
	const day = 24 * time.Hour
	rest := string(text)
	var total time.Duration
	if before, after, found := strings.Cut(rest, "d"); found {
		days, err := strconv.ParseInt(before, 10, 64)
		if err != nil || days < 0 || days > int64(math.MaxInt64/day)-1 {
			return expected
		}
		total, rest = time.Duration(days)*day, after
	}
	if rest != "" {
		clock, err := time.ParseDuration(rest)
		if err != nil || clock < 0 || clock > math.MaxInt64-total {
			return expected
		}
		total += clock
	} else if len(text) == 0 {
		return expected
	}
	*d = Duration(total)
	return nil
}

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the notation.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Duration) amount() int64 { return int64(d) }

// Size is a number of bytes: 512, 64KiB, 8MiB, 2GiB.
type Size int64

// UnmarshalText parses a whole number with a binary unit or none.
func (s *Size) UnmarshalText(text []byte) error {
	expected := errors.New("expected a size such as 512KiB, 8MiB or 2GiB")
	units := []struct {
		suffix string
		bytes  int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}
	for _, unit := range units {
		digits, found := strings.CutSuffix(string(text), unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
		if err != nil || int64(n) > math.MaxInt64/unit.bytes {
			return expected
		}
		*s = Size(int64(n) * unit.bytes)
		return nil
	}
	return expected
}

func (s Size) String() string { return strconv.FormatInt(int64(s), 10) }

func (s Size) amount() int64 { return int64(s) }

// Count is a whole number.
type Count int

// UnmarshalText parses a decimal number.
func (c *Count) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil {
		return errors.New("expected a whole number")
	}
	*c = Count(n)
	return nil
}

func (c Count) amount() int64 { return int64(c) }

// Switch is on or off.
type Switch bool

// UnmarshalText takes true and false alone, because a mistyped switch may be about trust.
func (s *Switch) UnmarshalText(text []byte) error {
	switch string(text) {
	case "true":
		*s = true
	case "false":
		*s = false
	default:
		return errors.New("expected true or false")
	}
	return nil
}

// URL is an http or https URL without a password in it.
type URL struct{ *url.URL }

// UnmarshalText parses an absolute URL.
func (u *URL) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(string(text))
	if err != nil || parsed.Host == "" || (parsed.Scheme != "https" && parsed.Scheme != "http") {
		return errors.New("expected a URL such as https://host.example:1556/path")
	}
	if parsed.User != nil {
		return errors.New("expected a URL without user and password; they have their own settings")
	}
	if parsed.Fragment != "" {
		return errors.New("expected a URL without #")
	}
	if strings.ContainsAny(string(text), blanks) {
		return errors.New("expected a URL without blanks")
	}
	u.URL = parsed
	return nil
}

// Set says whether there is a URL.
func (u URL) Set() bool { return u.URL != nil }

// String shows the URL; the values of its query may be secrets.
func (u URL) String() string {
	if u.URL == nil {
		return ""
	}
	return maskURL(u.URL.String())
}

// MarshalText is String.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// loopback says whether the URL stays on this host.
func (u URL) loopback() bool { return LoopbackHost(u.Hostname()) }

// LoopbackHost says whether a name or an address is this machine's own, which other hosts cannot reach.
func LoopbackHost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// Target is where an endpoint's samples go: a receiver's URL, or file:// and a directory.
type Target struct{ URL }

// UnmarshalText parses a URL, or the absolute path of a directory after file://.
func (t *Target) UnmarshalText(text []byte) error {
	if !strings.HasPrefix(string(text), "file:") {
		return t.URL.UnmarshalText(text)
	}
	parsed, err := url.Parse(string(text))
	if err != nil || parsed.Host != "" || !strings.HasPrefix(parsed.Path, "/") || parsed.RawQuery+parsed.Fragment != "" {
		return errors.New("expected a directory such as file:///media/stick/out")
	}
	t.URL.URL = parsed
	return nil
}

// Dir is the directory; empty where the target is a receiver.
func (t Target) Dir() string {
	if !t.Set() || t.Scheme != "file" {
		return ""
	}
	return filepath.Clean(t.Path)
}

// Proxy is a proxy's URL; it may carry a user and a password, and no print shows them.
type Proxy struct{ url *url.URL }

// UnmarshalText parses the schemes that net/http can use.
func (p *Proxy) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(string(text))
	if err != nil || parsed.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, parsed.Scheme) {
		return errors.New("expected a proxy's URL such as http://proxy.example:3128")
	}
	p.url = parsed
	return nil
}

// URL is nil where there is no proxy.
func (p Proxy) URL() *url.URL { return p.url }

func (p Proxy) String() string {
	if p.url == nil {
		return ""
	}
	return maskURL(p.url.String())
}

// MarshalText is String.
func (p Proxy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// maskURL hides what may be secret in a URL's text, be it a URL or not: everything between
// the scheme and the last @, and everything after a question mark.
func maskURL(text string) string {
	text, _, query := strings.Cut(text, "?")
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "***" + rest[at:]
	}
	if query {
		rest += "?***"
	}
	return scheme + rest
}

// Address is where the page listens.
type Address string

// UnmarshalText wants a host and a port. Whether the host is allowed depends on what guards the page.
func (a *Address) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		return errors.New("expected host:port such as 127.0.0.1:9469, or an empty value for no status page")
	}
	*a = Address(text)
	return nil
}

// local says whether only this machine reaches it.
func (a Address) local() bool {
	host, _, err := net.SplitHostPort(string(a))
	return a == "" || err == nil && LoopbackHost(host)
}

// Names is a list of the names of blocks.
type Names []string

var blockName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// UnmarshalText parses a list separated by commas.
func (n *Names) UnmarshalText(text []byte) error {
	for name := range strings.SplitSeq(string(text), ",") {
		name = strings.TrimSpace(name)
		if !blockName.MatchString(name) {
			return errors.New("expected names separated by commas: lower-case letters, digits, - and _, starting with a letter")
		}
		if slices.Contains(*n, name) {
			return fmt.Errorf("expected each name once; %s is repeated", name)
		}
		*n = append(*n, name)
	}
	return nil
}

// Words is a list of what has no meaning here.
type Words []string

// UnmarshalText parses a list separated by commas.
func (w *Words) UnmarshalText(text []byte) error {
	for word := range strings.SplitSeq(string(text), ",") {
		if word = strings.TrimSpace(word); word == "" || strings.ContainsAny(word, " \t") {
			return errors.New("expected words separated by commas")
		}
		*w = append(*w, word)
	}
	return nil
}

// Pairs are names and values; sorted by name.
type Pairs []source.Label

// UnmarshalText parses key:value pairs; a value may hold a colon, but no comma.
func (p *Pairs) UnmarshalText(text []byte) (err error) {
	*p, err = parsePairs(string(text))
	return err
}

// Pattern is a regular expression that a name matches as a whole.
type Pattern struct{ compiled *regexp.Regexp }

// UnmarshalText parses Go's syntax, which is RE2's.
func (p *Pattern) UnmarshalText(text []byte) error {
	compiled, err := regexp.Compile("^(?:" + string(text) + ")$")
	if err != nil {
		return errors.New("expected a regular expression such as nbu_jobs.*|nbu_up")
	}
	p.compiled = compiled
	return nil
}

// Regexp is nil where there is no pattern.
func (p Pattern) Regexp() *regexp.Regexp { return p.compiled }

// Labels are added to every series that an endpoint sends; sorted by name.
type Labels []source.Label

// replicaLabel is the one reserved name that senders set: Mimir's HA tracker reads it and takes it off.
const replicaLabel = "__replica__"

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// UnmarshalText parses key:value pairs; a value may hold a colon, but no comma.
func (l *Labels) UnmarshalText(text []byte) error {
	pairs, err := parsePairs(string(text))
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		switch name := pair.Name; {
		case !labelName.MatchString(name) || strings.HasPrefix(name, "__") && name != replicaLabel:
			return fmt.Errorf("expected label names of letters, digits and _, not %q", name)
		case name == "site":
			return errors.New("the label site is set by backwire and cannot be set here")
		case pair.Value == "":
			return fmt.Errorf("expected a value for label %s", name)
		}
	}
	*l = pairs
	return nil
}

// Over are these labels and, of the others, those with other names.
func (l Labels) Over(others Labels) Labels {
	merged := slices.Clone(others)
	for _, label := range l {
		merged = slices.DeleteFunc(merged, func(o source.Label) bool { return o.Name == label.Name })
		merged = append(merged, label)
	}
	slices.SortFunc(merged, func(a, b source.Label) int { return strings.Compare(a.Name, b.Name) })
	return merged
}

// parsePairs splits "key:value,…" at the first colon of each; sorted, each key once.
func parsePairs(text string) ([]source.Label, error) {
	var pairs []source.Label
	for pair := range strings.SplitSeq(text, ",") {
		key, value, found := strings.Cut(pair, ":")
		if !found {
			return nil, errors.New("expected key:value pairs separated by commas")
		}
		pairs = append(pairs, source.Label{Name: strings.TrimSpace(key), Value: strings.TrimSpace(value)})
	}
	slices.SortFunc(pairs, func(a, b source.Label) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(pairs); i++ {
		if pairs[i].Name == pairs[i-1].Name {
			return nil, fmt.Errorf("expected each key once; %q is repeated", pairs[i].Name)
		}
	}
	return pairs, nil
}
