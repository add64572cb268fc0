// Package queue keeps cycles in order on disk until every endpoint has them.
//
// A commit is one record and one sync. An endpoint has a durable place, which moves only when what lies before it has its verdict,
// and holds its segments; beyond the limits the oldest segment is given up and counted under a reason. What the disk does not
// take waits in memory within a bound. It promises that what was committed is delivered or counted, over crashes,
// full disks, damage and deleted files. It never knows HTTP, nor what a sample means.
//
// # The inventory
//
// Beside the log and its cursors the directory holds a file named inventory: how far the log had come, and where each endpoint was, when that was
// written last (at the beginning of a segment, when one is given up, when an endpoint comes, and at the end). From
// it the queue knows what somebody deleted: segments and cursors do not say that they are gone. What an endpoint had not read of them is
// counted as missing, or as not_configured where the others had passed it while the endpoint was not configured; an
// endpoint whose cursor is gone goes on at the place that the inventory has. It has two slots, written in turn, so that a crash spares one; an inventory
// that is damaged costs no sample, is reported by queue verify, and is written anew at the next start.
package queue
