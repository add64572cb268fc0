// Package netbackup is one primary server: its collectors, its job ledger, its metrics.
//
// It owns the catalogue of metrics and what is remembered of jobs and clients. It knows the rows that package api reads, and
// the model of package source. It never knows where samples go, nor when a cycle is due. Invariant: a finished job changes the counters once in the life of the installation,
// and the change is in the same cycle as the memory of it; if that broke, every increase()
// over nbu_jobs_completed_total would be wrong, and nobody could tell by how much.
//
// What a server leaves out is treated in one way by all collectors. A row without what identifies it is not readable: it is
// missing from every count of rows, and nbu_rows_unreadable_total counts it. A list that ends although its server says
// that there are more rows is an error: no count of rows and no sum over it is shown. A readable row that lacks a figure
// of a sum makes that sum absent. A readable row that lacks a fact keeps the one that it told last where the fact is a
// label of the row's own series; where rows are counted by it, those that do not tell it are counted under an empty label.
package netbackup
