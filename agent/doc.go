// Package agent runs backwire: the scheduler, the cycles, the supervisor, the agent's own metrics, and the wiring of
// all packages.
//
// It decides when things happen: when a cycle starts, one cycle at a time per site, start and stop. It knows sites
// that produce cycles and a queue that commits them, but not what a job is or what a request contains. An Agent has
// no state outside itself, so a new Agent with another configuration can replace it after it has ended.
package agent
