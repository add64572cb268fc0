package wire

// Protocol is a version of remote write.
type Protocol uint8

// The protocols, in ascending order.
const (
	V1 Protocol = iota
	V2
)

// String is the version as it is spoken of.
func (p Protocol) String() string {
	if p == V2 {
		return "2.0"
	}
	return "1.0"
}

// ContentType is what the header of that name says.
func (p Protocol) ContentType() string {
	if p == V2 {
		return "application/x-protobuf;proto=io.prometheus.write.v2.Request"
	}
	return "application/x-protobuf"
}

// Version is what X-Prometheus-Remote-Write-Version says.
func (p Protocol) Version() string {
	if p == V2 {
		return "2.0.0"
	}
	return "0.1.0"
}
