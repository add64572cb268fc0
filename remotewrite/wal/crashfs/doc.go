// Package crashfs is a file system in memory that fails, crashes and forgets on order, for tests of the log and of what stands on it.
//
// It owns two states of every file and directory: what a running program sees and what the disk
// is sure to hold. It knows which operations move one to the other (Sync, SyncDir), and takes at a
// power loss any liberty that a real file system may. It never knows what is in the files.
// Invariant: nothing that was not synced is ever promised; if that broke, the proofs would prove nothing.
//
// What it models:
//
//   - Power loss (Restart): of the unsynced writes of each file none, all, a prefix torn at a byte, or any
//     subset of 512-byte sectors is on the disk, and holes are zeros; unsynced creations and removals are undone.
//   - A killed program (Kill): everything is still there, but nothing more is on the disk than before.
//   - The operation number N fails, once or from then on, or everything ends with it (Fault).
//   - A failed Sync: the unsynced writes can still be read, but no later Sync writes them (Linux marks
//     the pages clean).
//   - A full disk (SetSpace): short writes with ENOSPC.
package crashfs
