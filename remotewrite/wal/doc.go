// Package wal is an ordered log of opaque records, with cursors, that survives crashes and says what it lost.
//
// It owns the segment files *.seg, the cursors and the lock of one directory. It knows frames,
// checksums, sequence numbers and what a file system promises. It never knows what a record means,
// who reads it, or when to drop one. Invariant: what Append or Roll has acknowledged is delivered
// to every reader, in order, or is part of a Damage that counts it; if that broke, samples
// would be lost in silence.
package wal
