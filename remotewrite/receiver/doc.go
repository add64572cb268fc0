// Package receiver is a strict remote-write receiver that stores everything in memory, for tests and the demo.
//
// It stores series, points, exemplars and metadata, and counts requests. It accepts Remote-Write 1.0 and 2.0,
// decoded with Prometheus's own types, and can answer with faults on request. It imports nothing of backwire, so
// a mistake in an encoder cannot be hidden by the same mistake in a decoder. What it stores is valid by the
// letter of the specification.
//
// If a part of a request is refused, the valid parts are stored, as in Mimir and Prometheus (2.0). The answer is
// then 400, and for 2.0 the X-Prometheus-Remote-Write-*-Written headers report how much was stored.
package receiver
