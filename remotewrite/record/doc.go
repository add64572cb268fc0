// Package record packs cycles into the records of the log, and understands them again.
//
// It owns the bytes of a record, and what a segment has said up to one: the dictionary, the values, who is present, every
// site's state. It promises that bytes that were written once are read the same for ever, that what is delivered of a series ascends
// in time, and that hostile bytes end with an error and never take more memory than their reader allows. It never opens
// a file, and knows neither endpoints nor protocols.
//
// # The record
//
// The log (package wal) keeps records in segments and knows nothing of what is in them. A segment's
// first record, its head, says everything that must not be forgotten: every site's state, every durable
// series that has not ended with its last value, and what each site's last batch knew. Each further record is one cycle
// and says what changed. So a segment needs nothing outside of itself, a restart reads
// the newest one only, and the same series cost their labels once a segment.
//
// In what follows v is an unsigned varint of 7 bits a byte, the lowest first, as in protobuf; z is a
// signed number as the varint (n << 1) ^ (n >> 63); text is v, its length, and that many bytes; a number in
// brackets is how often a part is repeated. References count from 0 in the order of definition.
//
//	record:   version(1 byte) = 2, echo(text), block(all the rest)
//	block:    kind(1 byte), body
//
// Kind is 3 for a head and 2 for a cycle; with 0x80 added the body is one snappy block, which is
// tried from 1 KiB on and kept where it saves an eighth. Version 1 had heads of kind 1, which say nothing of times. A record of a version that is not known is not
// read but refused, with an error that says so, and the reader stays in front of it.
//
// The echo is the block of the record before, the head's included, whatever the segment; it
// is empty where there is none, or where its bytes are not known because that record was already damaged.
// Because of it one damaged record anywhere costs nothing. Two side by side are lost, and with them the rest of
// their segment, which is why that ends after 256 records at the latest.
//
//	head:     before(v records, v samples)     of all that was written before this segment
//	          past(v segment, v records, v samples, v series, z oldest, z newest - oldest)
//	                                           of the segment before
//	          dictionary
//	          v sites, site[...]
//	site:     text name, z time of its last batch
//	          v series, value[...]             its series follow those of the site before; the stale marker's bits for
//	                                           a durable one that has ended
//	          set present
//	          z time - gauges, z time - others up to when series that are not here any more had samples: those
//	                                           that are not durable, and those that are
//	          set, z time - newest[...]        the series whose newest sample is not of the site's time
//	          v keys, change[...]              its state, against nothing
//
//	cycle:    v sites, text name[...]          new ones, 0 or 1
//	          v site                           reference
//	          dictionary                       what is new
//	          v batches, batch[...]
//	          v changes, change[...]
//
// Records and samples do not count heads. Samples count stale markers. Times are ms since the epoch.
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
// The kind of a metric is source.Type, with 0x80 added where it is durable. The series before is that
// with the reference one lower, whichever record defined it; before the first it is one without labels, with
// metric, name and start 0. A mask is used for up to 63 labels. A head defines its series in the order of
// their labels, so that neighbours differ in little.
//
//	batch:    flags(1 byte), z time - time of the site's last batch
//	          set came, set ended, set replaced            unless flag 2; the last two unless flag 1
//	          v values, changed[...]
//	          v exemplars, exemplar[...]       if flag 4
//	changed:  v passed << 1 | one              series passed over since the last changed one
//	          value                            if one is 0; else it is one more than before
//	exemplar: v series, z time - batch's time, value against 0, v labels, (v name, text value)[...]
//
// A batch (flag 0) is its site's whole truth: the points are those of all who were present before or came,
// less those who ended or were replaced. Who ended gets a stale marker at the batch's time; who was replaced
// does not, because a series with the same labels and another start or metric goes on in its place. With flag 1
// the batch is partial: came names all its series, present ones too, and nobody ends. With flag 2
// it is silent: values change and nothing is delivered, because its samples were given up or are older than
// the site's last batch; the values are those of all series that it names.
//
//	set:      v runs, (v distance from the end of the run before, v length - 1)[...]
//	value:    v, its low two bits say how, against the last value of that series in this segment:
//	          0  whole numbers, z difference in the other bits
//	          1  whole numbers, z difference / 1024
//	          2  else: other bits are low | high << 3, the number of zero bytes at either end of the
//	             XOR of both float64s; the 8 - low - high bytes between follow, lowest first; high is 3 at most
//	change:   text key, v form                 form 0 deletes; else form - 1 bytes are kept at the front
//	          v back, text middle              and back bytes at the end of the value that was there
//
// # Why so
//
//   - Whole batches would be simpler than changes and cost ten times as much.
//   - Most counters of jobs move by one, which takes a bit beside the distance; most of the others count
//     bytes, in NetBackup's kilobytes, which is why multiples of 1024 have a form of their own.
//   - Who is present is a set of bits in memory, so that comparing it with the last takes microseconds and
//     an order of samples need not be kept.
//   - An exemplar's label values are not symbols: a job's id occurs once.
//   - A state's value is cut at either end because a bitmap of job ids changes in a byte or two.
//   - The echo doubles a cycle's bytes. A parity over several records would take less and protect the newest
//     ones, those that endpoints are reading, last.
package record
