package nbusim

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// release is one version of the product, as far as a client of its API can tell.
type release struct {
	name string // the product's release
	api  int    // the newest media type version, "version=M.0"
}

func releaseNamed(name string) (release, error) {
	switch name {
	case "10.3":
		return release{name: "10.3", api: 10}, nil
	case "10.5":
		return release{name: "10.5", api: 12}, nil
	case "11.0":
		return release{name: "11.0", api: 13}, nil
	case "", "11.2":
		return release{name: "11.2", api: 14}, nil
	}
	return release{}, fmt.Errorf("choose release %q: known are 10.3, 10.5, 11.0 and 11.2", name)
}

const (
	jsonType  = "application/vnd.netbackup+json"
	plainType = "text/vnd.netbackup+plain"
)

func mediaType(base string, version int) string {
	return base + ";version=" + strconv.Itoa(version) + ".0"
}

// negotiate gives the media type version of the answer. Older versions stay accepted
// by newer servers; without a version the newest is meant.
func (r release) negotiate(accept, base string) (int, bool) {
	if accept == "" {
		return r.api, true
	}
	for part := range strings.SplitSeq(accept, ",") {
		t, params, err := mime.ParseMediaType(part)
		if err != nil || (t != base && t != "*/*") {
			continue
		}
		if v, ok := r.accepts(params["version"]); ok {
			return v, true
		}
	}
	return 0, false
}

func (r release) accepts(version string) (int, bool) {
	if version == "" {
		return r.api, true
	}
	major, minor, _ := strings.Cut(version, ".")
	v, err := strconv.Atoi(major)
	if err != nil || (minor != "" && minor != "0") || v < 1 || v > r.api {
		return 0, false
	}
	return v, true
}

// contentAccepted says whether a request's body has a media type that the server reads.
// Where both Accept and Content-Type are sent, their versions must match.
func (r release) contentAccepted(req *http.Request, answer int) bool {
	t, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || t != jsonType {
		return false
	}
	v, ok := r.accepts(params["version"])
	return ok && (req.Header.Get("Accept") == "" || v == answer)
}
