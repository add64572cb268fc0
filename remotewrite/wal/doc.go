// Package wal is an ordered log of opaque records with cursors. It survives crashes and reports what is lost.
//
// It manages the segment files *.seg, the cursors and the lock of one directory: frames, checksums, sequence
// numbers and syncs. It does not know what a record means, who reads it, or when to drop it. Every reader gets
// each record that Append or Roll acknowledged, in order, or a Damage that counts it.
//
// # Format
//
// A directory holds:
//
//	00000000000000000007.seg   a segment, named for its number
//	cursors/NAME               a cursor
//	lock                       the lock, and the pid of who holds it
//
// Other files are left alone. Integers are little endian, checksums are CRC-32C (Castagnoli). A
// segment is a header and frames without gaps:
//
//	0       8       12      16      24       32       40       48       56      60     64
//	+-------+-------+-------+-------+--------+--------+--------+--------+-------+-------+
//	| magic |version| zero  |segment|first   |pre-    |its     |created,|zero   |CRC of |
//	|       |   1   |       |number |sequence|decessor|length  |unix ms |       |0 to 60|
//	+-------+-------+-------+-------+--------+--------+--------+--------+-------+-------+
//
//	0        4        8        16         20        24
//	+--------+--------+--------+----------+---------+------------------+
//	| marker | length |sequence|header CRC|frame CRC| payload          |
//	|F7 42   |of the  |number  |          |         | (at most 64 MiB) |
//	|57 1E   |payload |        |          |         |                  |
//	+--------+--------+--------+----------+---------+------------------+
//
// Magic is 89 "BWLOG" 0D 0A. Magic, version and checksum stay where they are in every version to come,
// so that a header of another version is told from a damaged one, which is a VersionError and not damage.
//
// The header CRC covers the segment's number and the frame's offset (8 bytes each, not stored) and the
// 16 bytes before it; the frame CRC continues it over the payload. So a frame is good in one place
// only: a block that a file system has left over from another file, or a copy of a frame inside a
// payload, is not taken for a record. Because the header has a checksum of its own, a damaged payload
// is skipped by its length and counted by its number, and the search for the next good frame reads
// everything once, whatever is in it.
//
// Sequence numbers count the records of the log from 1, over all segments: a jump is what was lost.
//
// A cursor is two slots, at 0 and 4096, and a note at 8192, each in a disk sector of its own:
//
//	0       8            16                  32                 48    52
//	+-------+------------+---------+--------+---------+--------+-----+
//	| magic | generation | segment | offset | segment | offset | CRC |
//	+-------+------------+---------+--------+---------+--------+-----+
//	                     position            begun up to
//
//	+-------+------------+--------+------+-----+
//	| magic | generation | length | note | CRC |
//	+-------+------------+--------+------+-----+
//
// Store and Begin write the slot that does not hold the position, in place. The file has its full size from
// the beginning, so that a cursor moves on a full disk. A note is not synced and belongs to the slot of
// its generation; torn, it is none.
//
// # Crash safety
//
// Append writes a frame with one write behind the committed end, syncs, and only then publishes the new
// end to readers. What a crash leaves behind that end is a prefix of the frame, nothing, or all of
// it, and was acknowledged to nobody.
//
// After a failed write or sync nothing is tried on that file again, because the system may show bytes
// that it will never write, and report later syncs as good. The segment is sealed: it ends at its last
// synced length, which the next segment's header records, so that whatever stands behind is never read,
// also if it could not be cut off. Roll writes header and head, syncs the file, syncs the directory,
// and only then publishes. A Roll that fails removes its file, durably, before anything is
// appended to the segment before; otherwise that half-made file could come back after a crash, and its
// header hide what was appended since. If it cannot, the segment before is sealed too.
//
// Open reads all headers and the whole of the newest segment, and leaves it in one of these states:
//
//	whole                              appended to
//	ends within a frame, or in zeros   cut behind the last good frame, appended to
//	has no good frame, same endings    removed; the segment before is the newest
//	damaged otherwise                  kept as it is, never appended to: Roll is due
//
// A complete frame that is bad at the very end may have been acknowledged, so it is damage, not a torn
// tail: it keeps its place and its number, and is counted as lost. Before Open returns, the last record
// is written once more, the same bytes in the same place, and synced: it may be known to the system
// only, by a program that was killed before its sync or by a sync that failed, and readers are about to act on
// it. OpenCursor does the same with its slot. If a cursor is beyond the end, the disk has lost what it had
// confirmed: those positions are not used again, and neither are segment numbers that a cursor knows.
//
// Readers step over damage to the next good frame, here or in the following segment, and return one
// Damage for the stretch. The number lost is exact wherever a number before and a number behind are
// known. It is a lower bound for a fresh reader whose segment was removed before it was made, or
// whose first segment has lost its header together with its first record. A failure to read
// may pass, costs nothing, and is returned again until it does; only EIO that has lasted for half a minute of reading again is
// damage, block by block.
//
// # What is assumed
//
//   - A successful fsync of a file or directory is true, after a power loss too.
//   - A write does not change bytes outside of its range, and rewriting the same bytes leaves them.
//   - Removing a file that is open elsewhere leaves its content to who has it open.
//   - One program writes: Lock holds others out. Options.ReadOnly looks on beside it.
//
// Neither the order in which unsynced writes reach the disk is assumed, nor that a write is whole,
// nor that a new name survives without a directory sync, nor atomic renames. The package crashfs
// takes all these liberties in the tests.
//
// # What it never does
//
// It never refuses to open because of damage, never overwrites a byte that was acknowledged by a different
// one, never reads a segment into memory (a reader holds its largest frame, or 64 KiB), never holds a lock
// across I/O, never removes a committed segment by itself, and never starts a goroutine.
package wal
