// Package wire makes the bytes of remote-write requests, of both versions of the protocol.
//
// An encoder takes as much of a window as a request may hold, writes each series once with all its points, and compresses that.
// It promises that the same stretch makes the same bytes, that the labels are sorted and unique, and that its buffers
// are used again: nothing is allocated for a sample. It never knows receivers, answers or places.
package wire
