// Package agent is time and life: scheduler, cycle, supervisor, self-metrics, and the wiring of all rooms.
//
// It owns when things happen: the tick of a cycle, one cycle at a time a site, start and end.
// It knows sites that yield cycles and a queue that commits them. It never knows what a job is or
// what a request looks like. Invariant: an Agent holds nothing outside itself, so a new Agent with another
// configuration can take over after the old one ended; if that broke, a reload would mix the two.
package agent
