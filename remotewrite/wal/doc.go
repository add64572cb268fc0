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
//	lock                       the lock, with the pid of its holder
//
// Other files are ignored. Integers are little endian, checksums are CRC-32C (Castagnoli). A segment is a header,
// followed by frames without gaps:
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
// Magic is 89 "BWLOG" 0D 0A. Magic, version and checksum keep their place in all future versions. So a header of
// another version is a VersionError, not damage.
//
// The header CRC covers the segment's number and the frame's offset (8 bytes each, not stored) and the
// 16 bytes before it; the frame CRC continues it over the payload. So a frame is valid in one place only: a block
// of another file, or a copy of a frame inside a payload, is not mistaken for a record. Because the header has its
// own checksum, a damaged payload is skipped by its length and counted by its number. The search for the next good
// frame reads everything only once.
//
// Sequence numbers count the records of the log from 1, through all segments: a gap shows how many are lost.
//
// A cursor is two slots, at 0 and 4096, each in a disk sector of its own, and a note for each lane, at 8192 and 10240:
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
// Store and Begin write, in place, the slot that does not contain the current position. The file has its full size
// from the start, so a cursor can move on a full disk. A note is not synced. It belongs to the slot of its
// generation; a torn note is ignored. A cursor with two lanes has more in its slots, as cursor_slot.go describes; its position is
// the oldest place then, where a program that does not know of lanes goes on.
//
// # Crash safety
//
// Append writes a frame with one write after the committed end, syncs, and only then publishes the new end to
// readers. After a crash, nothing, a prefix or all of the frame follows the end. It was never acknowledged.
//
// After a failed write or sync the file is not used again, because the system may show bytes that it will never
// write, and report later syncs as successful. The segment is sealed: it ends at its last synced length. The header
// of the next segment records that length, so later bytes are never read, even if they could not be removed. Roll
// writes header and head, syncs the file, syncs the directory, and only then publishes. If Roll fails, it removes
// its file durably before anything is appended to the previous segment. Otherwise the unfinished file could
// reappear after a crash, and its header would hide the appended records. If the removal fails, the previous segment
// is sealed too.
//
// Open reads all headers and the complete newest segment, and handles it as follows:
//
//	whole                              appended to
//	ends within a frame, or in zeros   cut after the last good frame, appended to
//	has no good frame, same endings    removed; the segment before is the newest
//	damaged otherwise                  kept as it is, never appended to: Roll is due
//
// A complete but invalid frame at the end may have been acknowledged, so it is damage, not a torn write: it keeps
// its place and its number, and is counted as lost. Before Open returns, it writes the last record once more, the
// same bytes in the same place, and syncs it. The record may exist only in the system's cache, if the program was
// killed before its sync or the sync failed, and readers will rely on it. OpenCursor does the same with its slot. If
// a cursor is beyond the end, the disk has lost confirmed data: those positions, and segment numbers in cursors, are
// not used again.
//
// Readers skip damage up to the next good frame, in this segment or a later one, and return one Damage for the
// skipped range. The number of lost records is exact if the sequence numbers before and after are known. It is a
// lower bound for a new reader whose segment was removed before the reader was created, or whose first segment has
// lost both its header and its first record. A failed read may be temporary, loses nothing, and is returned
// until it succeeds. Only EIO that persists for half a minute of retries is damage, block by block.
//
// # Assumptions
//
//   - A successful fsync of a file or directory survives a power loss.
//   - A write does not change bytes outside its range, and writing the same bytes again keeps them.
//   - The content of a removed file stays available to those who have it open.
//   - One program writes: Lock excludes others. Options.ReadOnly can read at the same time.
//
// The log does not assume an order in which unsynced writes reach the disk, complete writes, new names that survive
// without a directory sync, or atomic renames. The package crashfs violates all of these in the tests.
//
// # Guarantees
//
// The package never refuses to open because of damage, never changes an acknowledged byte, never reads a whole
// segment into memory (a reader holds its largest frame, or 64 KiB), never holds a lock during I/O, never removes a
// committed segment on its own, and never starts a goroutine.
package wal
