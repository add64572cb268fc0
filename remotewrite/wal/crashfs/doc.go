// Package crashfs is a file system in memory that fails, crashes and loses data on request, for tests of the log
// and of the packages that use it.
//
// It has two states of every file and directory: what a running program sees, and what is certainly on the disk.
// Sync and SyncDir copy the first state to the second. At a power loss it does anything that a real file system
// may do. It never keeps data for certain that was not synced.
//
// It models:
//
//   - Power loss (Restart): of the unsynced writes of each file none, all, a prefix torn at a byte, or any
//     subset of 512-byte sectors is on the disk, and holes are zeros; unsynced creations and removals are undone.
//   - A killed program (Kill): everything is still there, but nothing more is on the disk than before.
//   - The operation number N fails, once or from then on, or everything ends with it (Fault).
//   - A failed Sync: the unsynced writes can still be read, but no later Sync writes them (Linux marks
//     the pages clean).
//   - A full disk (SetSpace): short writes with ENOSPC.
package crashfs
