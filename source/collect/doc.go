// Package collect is what a collector is, of any product: a value with its name, its metrics, the role it needs and how it
// reads, and what all of them have in common: live series, health, reports, cached readings, limits.
//
// It owns the gauges of a collector and the pages that a reading in the background may ask for. It knows the model of package
// source. It never knows what is asked, nor of whom. Invariants: a collector fails alone; a list of which a part is missing is
// not shown as a sum; no cycle waits for a reading in the background longer than half of its interval; what a server makes up
// is bounded.
package collect
