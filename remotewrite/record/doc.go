// Package record packs cycles into the records of the log, and unpacks them.
//
// It defines the bytes of a record, and keeps what a segment has defined so far: the dictionary, the values, the present
// series and the state of every site. Written bytes are read the same way for ever. Delivered samples of a series ascend in
// time. Hostile bytes cause an error and never take more memory than the reader allows. The package never opens a
// file, and does not know endpoints or protocols.
//
// # The record
//
// The log (package wal) stores records in segments and does not know their contents. The first record of a segment, its
// head, contains everything that must be kept: the state of every site, every durable series that has not ended, with its
// last value, and the series of each site's last batch. Each further record is one cycle and contains the changes. So a
// segment depends on nothing outside itself, a restart reads only the newest one, and each segment stores the labels of
// a series once.
//
// Notation: v is an unsigned varint with 7 bits per byte, lowest first, as in protobuf. z is a signed number as the varint
// (n << 1) ^ (n >> 63). text is v, its length, and that many bytes. A number in brackets says how often a part is
// repeated. References count from 0 in the order of definition.
//
//	record:   version(1 byte) = 2, echo(text), block(all the rest)
//	block:    kind(1 byte), body
//
// Kind is 3 for a head and 2 for a cycle. With 0x80 added the body is one snappy block; it is tried from 1 KiB on and
// kept if it saves an eighth. Version 1 had heads of kind 1, without times. A record of an unknown version is refused
// with an error, and the reader stays before it.
//
// The echo is the block of the previous record, which may be a head or be in another segment. It is empty if there is no
// previous record, or if that record was already damaged. Because of the echo, a single damaged record loses nothing.
// Two damaged records in a row are lost, with the rest of their segment; so a segment has at most 256 records.
//
//	head:     before(v records, v samples)     of everything before this segment
//	          past(v segment, v records, v samples, v series, z oldest, z newest - oldest)
//	                                           of the segment before
//	          dictionary
//	          v sites, site[...]
//	site:     text name, z time of its last batch
//	          v series, value[...]             its series follow those of the previous site; the bits of the stale
//	                                           marker for a durable one that has ended
//	          set present
//	          z time - gauges, z time - others until when series that are no longer here had samples: those
//	                                           that are not durable, and those that are
//	          set, z time - newest[...]        the series whose newest sample has another time than the site
//	          v keys, change[...]              its state, against an empty one
//
//	cycle:    v sites, text name[...]          new ones, 0 or 1
//	          v site                           reference
//	          dictionary                       what is new
//	          v batches, batch[...]
//	          v changes, change[...]
//
// Counts of records and samples exclude heads. Samples include stale markers. Times are ms since the epoch.
//
//	dictionary: v symbols, text[...]
//	          v metrics, metric[...]
//	          v series, series[...]
//	metric:   kind(1 byte), v name, v unit, v help         references to symbols
//	series:   flags(1 byte)
//	          v metric, v name                 unless flag 1: as the series before
//	          z start - start of the one before            unless flag 4: the same
//	          v labels, (v name, v value)[...] unless flag 2: the names of the one before
//	          v mask, v value[bits set]        if flag 2: the values that differ, lowest bit first
//
// The kind of a metric is source.Type, with 0x80 added if it is durable. The series before is the one with the next lower
// reference, from any record; before the first it is a series without labels, with metric, name and start 0. A mask is
// used for up to 63 labels. A head defines its series in the order of their labels, so that neighbours are similar.
//
//	batch:    flags(1 byte), z time - time of the site's last batch
//	          set came, set ended, set replaced            unless flag 2; the last two unless flag 1
//	          v values, changed[...]
//	          v exemplars, exemplar[...]       if flag 4
//	changed:  v passed << 1 | one              series skipped since the last changed one
//	          value                            if one is 0; else it is one more than before
//	exemplar: v series, z time - batch's time, value against 0, v labels, (v name, text value)[...]
//
// A batch (flag 0) is everything that its site knows: its points are those of all series that were present before or came,
// without those that ended or were replaced. A series that ended gets a stale marker at the time of the batch. A replaced
// series does not, because a series with the same labels and another start or metric continues it. With flag 1 the batch
// is partial: came lists all its series, including present ones, and no series ends. With flag 2 it is silent: values
// change but nothing is delivered, because its samples were dropped or are older than the site's last batch; it has the
// values of all series that it lists.
//
//	set:      v runs, (v distance from the end of the run before, v length - 1)[...]
//	value:    v, its low two bits are the form, relative to the last value of the series in this segment:
//	          0  whole numbers, z difference in the other bits
//	          1  whole numbers, z difference / 1024
//	          2  otherwise: the other bits are low | high << 3, the number of zero bytes at each end of the
//	             XOR of both float64s; the 8 - low - high bytes between follow, lowest first; high is at most 3
//	change:   text key, v form                 form 0 deletes; else form - 1 bytes are kept at the front
//	          v back, text middle              and back bytes at the end of the previous value
//
// # Rationale
//
//   - Complete batches would be simpler than changes, but ten times as large.
//   - Most counters of jobs rise by one, which takes one bit beside the distance. Most others count NetBackup's
//     kilobytes in bytes, so multiples of 1024 have their own form.
//   - The present series are a set of bits in memory. Comparing it with the previous set takes microseconds, and the
//     order of samples does not matter.
//   - The label values of an exemplar are not symbols, because a job id occurs once.
//   - A state's value is stored without its unchanged ends, because a bitmap of job ids changes in a byte or two.
//   - The echo doubles the bytes of a cycle. A parity over several records would be smaller, but would protect the
//     newest records, which endpoints are reading, last.
package record
