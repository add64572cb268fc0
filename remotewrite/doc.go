// Package remotewrite tells how a queue and its endpoints are doing, as metrics of Prometheus, and holds the rooms between them.
//
// What was committed is kept until every endpoint has it. Each room has a package, and imports go one way:
//
//	wal ← record ← window ← wire ← send ← {bundle, rejected}, window ← queue ← bundle
//
// wal is an ordered log of opaque records; record has the bytes of a record; window a stretch of the log, series by series;
// wire the bytes of requests; send delivers to a receiver; queue commits, and gives every endpoint its place; bundle
// takes a queue over an air gap; rejected keeps what receivers refused.
//
// None of them knows what a sample means (a job, a disk) nor who asked for it. Invariant: what Commit accepted reaches every endpoint at
// least once and in order, or is counted under a reason; if that broke, a graph would lie silently.
package remotewrite
