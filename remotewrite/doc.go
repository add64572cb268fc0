// Package remotewrite keeps what was committed until every endpoint has it.
//
// It owns the queue, its packed record, the requests of both protocols and the verdict on their
// answers. It knows series, times, endpoints and receivers. It never knows what a sample means (a
// job, a disk) nor who asked for it. Invariant: what Commit accepted reaches every endpoint at
// least once and in order, or is counted under a reason; if that broke, a graph would lie silently.
package remotewrite
