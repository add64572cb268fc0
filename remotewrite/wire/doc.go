// Package wire encodes remote-write requests in both versions of the protocol.
//
// An encoder takes as much of a window as fits in a request, writes each series once with all its points, and compresses the
// result. The same part of a window gives the same bytes. Labels are sorted and unique. Buffers are reused: no memory is
// allocated per sample. The package does not know receivers, answers or positions.
package wire
