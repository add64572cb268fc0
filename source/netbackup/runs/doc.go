// Package runs makes runs of jobs. A run is what one policy did for one client at one time: all jobs of one tree that work for that
// client, streams and snapshots included. It has failed when one of its jobs did, and it has succeeded when all of them have.
//
// Jobs come in any order, each as often as it ends. A run is told as failed as soon as it has, and as successful once nothing of it
// is under way or missing: see [Book]. What comes up to a day late still corrects it; the rest is closed and kept as a few numbers
// for each client and policy. Everything is in the state that Changes gives, and Restore takes it back; memory is bounded.
// The package never asks a server, knows no metric and reads no clock.
package runs
