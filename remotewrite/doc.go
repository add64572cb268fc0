// Package remotewrite tells how a queue and its endpoints are doing, as metrics of Prometheus, and moves queues and refused samples by hand.
//
// What was committed is kept until every endpoint has it. Each room has a package, and imports go one way:
//
//	wal ← record ← window ← wire ← send, window ← queue
//
// wal is an ordered log of opaque records; record has the bytes of a record; window a stretch of the log, series by series;
// wire the bytes of requests; send delivers to a receiver; queue commits, and gives every endpoint its place. Here
// are the bundles, by which a queue crosses an air gap, and the store of what receivers refused.
//
// None of them knows what a sample means (a job, a disk) nor who asked for it. Invariant: what Commit accepted reaches every endpoint at
// least once and in order, or is counted under a reason; if that broke, a graph would lie silently.
//
// # The bundle
//
// A bundle is a directory with copies of segments, as far as they were committed, and manifest.json, which is
// written last: version (1), agent (host and directory), created, sites, from (the position before which nothing
// is sent), first_sequence and last_sequence of the log, and files, the oldest first, each with name, sha256,
// bytes, records and samples. manifest.sig, where a key was given, is the ed25519 signature of the
// manifest's bytes, 64 bytes. Whoever imports reads all of it first and sends nothing where a file is
// missing, changed, or not named. What is sent is what an endpoint would have sent: so a bundle may come twice, in
// part, or beside others, and a receiver that takes samples out of order has the same series whatever came first;
// one that does not needs the older bundle first. An agent that exports to a directory gives each bundle a directory
// of its own in there, named for its time, its host and the endpoint, and ending in .part until it is whole.
package remotewrite
