// Package receiver is a strict remote-write receiver that keeps everything in memory.
//
// It owns what it was sent: series, points, exemplars, metadata, and a count of the requests.
// It knows Remote-Write 1.0 and 2.0, decoded with Prometheus's own types, and answers by a script
// where a test wants a fault. It never knows who sends: it imports nothing of backwire, so that a
// mistake of the encoders cannot hide in their own decoder. Invariant: what is stored was valid by
// the letter of the specification; if that broke, every test that leans on it would prove nothing.
//
// Valid parts of a request are stored although the rest is refused, as Mimir and Prometheus (2.0)
// do; the answer is then 400 and, for 2.0, the X-Prometheus-Remote-Write-*-Written headers
// say how much was stored.
package receiver
