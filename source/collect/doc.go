// Package collect is what collectors of any product have in common: live series, what is read seldom and over many cycles,
// facts that an answer leaves out, and limits.
//
// It owns the gauges of a collector and the pages that a reading in the background may ask for. It knows the model of package
// source. It never knows what is asked, nor of whom. Invariants: a list of which a part is missing is not shown as a sum; no
// cycle waits for a reading in the background longer than half of its interval; what a server makes up is bounded.
package collect
