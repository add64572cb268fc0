// Package remotewrite keeps what was committed until every endpoint has it.
//
// It owns the queue, the requests of both protocols and the verdict on their
// answers (the packed record is package record's). It knows series, times, endpoints and receivers. It never knows what a sample means (a
// job, a disk) nor who asked for it. Invariant: what Commit accepted reaches every endpoint at
// least once and in order, or is counted under a reason; if that broke, a graph would lie silently.
//
// # The inventory
//
// Beside the log and its cursors the directory holds a file named inventory: how far the log had come, and where each endpoint was, when that was
// written last (at the beginning of a segment, when one is given up, when an endpoint comes, and at the end). From
// it the queue knows what somebody deleted: segments and cursors do not say that they are gone. What an endpoint had not read of them is
// counted as missing, or as not_configured where the others had passed it while the endpoint was not configured; an
// endpoint whose cursor is gone goes on at the place that the inventory has. It has two slots, written in turn, so that a crash spares one; an inventory
// that is damaged costs no sample, is reported by queue verify, and is written anew at the next start.
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
//
// # Verdicts
//
// An answer decides what happens to a request's samples; its words never do. Where an answer can mean two things the canary
// is sent, a sample that must be right: if it is refused too the receiver is wrong, and nothing is given up; if it is taken the
// request is bisected, and only what was refused by itself is rejected. What fails by itself with a 5xx is parked for a
// day. So everything that was committed is delivered, rejected, parked, dropped for a reason, or pending.
package remotewrite
