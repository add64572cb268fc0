// Package send delivers windows to one receiver until every sample has its final verdict.
//
// An endpoint takes windows from a feed, deals their series to shards, and says what of them is settled. It speaks both versions of
// the protocol, follows what a receiver can take, finds what it refuses by bisection and tells that from what it has already.
// It promises that a series' samples arrive in order and that none is given up but for a named reason. It never knows
// the log or the queue.
//
// # Verdicts
//
// An answer decides what happens to a request's samples; its words never do. Where an answer can mean two things the canary
// is sent, a sample that must be right: if it is refused too the receiver is wrong, and nothing is given up; if it is taken the
// request is bisected, and only what was refused by itself is rejected. What fails by itself with a 5xx is parked for a
// day. So everything that was committed is delivered, rejected, parked, dropped for a reason, or pending.
package send
