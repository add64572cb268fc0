// Package netbackup is one primary server: its API, its collectors, its job ledger, its metrics.
//
// It owns the client, the catalogue of metrics and what is remembered of jobs and clients. It
// knows the vendor's documents (media types "version=M.0", both page styles, both error
// bodies) and the model of package source. It never knows where samples go, nor when a cycle
// is due. Invariant: a finished job changes the counters once in the life of the installation,
// and the change is in the same cycle as the memory of it; if that broke, every increase()
// over nbu_jobs_completed_total would be wrong, and nobody could tell by how much.
package netbackup
