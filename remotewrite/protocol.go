package remotewrite

// protocol is a version of remote write.
type protocol uint8

// The protocols, in ascending order.
const (
	protocol1 protocol = iota
	protocol2
)

// String is the version as it is spoken of.
func (p protocol) String() string {
	if p == protocol2 {
		return "2.0"
	}
	return "1.0"
}

// contentType and version are what the protocol's headers say.
func (p protocol) contentType() string {
	if p == protocol2 {
		return "application/x-protobuf;proto=io.prometheus.write.v2.Request"
	}
	return "application/x-protobuf"
}

func (p protocol) version() string {
	if p == protocol2 {
		return "2.0.0"
	}
	return "0.1.0"
}
