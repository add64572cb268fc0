// Package bundle carries a queue over an air gap: segments are exported to a directory, and what is in it is sent elsewhere.
//
// An export is whole or not there, and an exporter writes one bundle after the other, each where the one before ended. Nothing on a
// medium is trusted: all of a bundle is verified before anything of it is sent, and what its bytes ask for is bounded.
// A follower sends bundles as they come into a directory. It promises that no sample is between two bundles unnoticed. It never writes to a
// queue but the numbers of its bundles.
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
package bundle
