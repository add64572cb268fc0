package api

import "strconv"

// What a figure can be. A server, a database that was restored in part or a proxy may say anything; one absurd value in a
// counter or in a sum stays there for ever. So each figure has bounds of what is physically possible, far beyond what is
// seen, and what lies outside is unknown: left out, and counted as unreadable.
const (
	// earliestTime is 1990-01-01T00:00:00Z in ms: there was no NetBackup before.
	earliestTime = 631_152_000_000

	latestDate = 253_402_300_799 // 9999-12-31T23:59:59Z in seconds: what is written later was no date

	// mostJobKilobytes is 16 PiB in KiB: at 10 GB/s it takes three weeks. A float64 counts multiples of a KiB exactly up to
	// 8 EiB, which is 512 such jobs in one counter.
	mostJobKilobytes = 1 << 44

	// mostJobFiles is far beyond any file system (ext4 and NTFS: 4 thousand million). A float64 counts exactly up to 9,007
	// such jobs.
	mostJobFiles = 1_000_000_000_000

	mostTransferRate = 1 << 30   // KiB/s: 1 TiB/s, twenty links of 400 Gbit/s
	mostTries        = 10_000    // of a job: a try a minute for a week
	mostStatus       = 1_000_000 // the documents' status codes have five digits at most
	mostQueueReason  = 9_999     // the documents' are 1 to 31, and -99 for one that is not known
	leastQueueReason = -99
	mostChildren     = 1_000_000_000
	mostDedupRatio   = 1_000_000 // a zero-filled terabyte in a megabyte; it is a percentage in places

	// mostStorageBytes is 1 EiB: more than any pool, and less than the 2^63 - 1 that some write for "no limit".
	mostStorageBytes = 1 << 60

	mostThings = 1_000_000_000_000 // of what is counted otherwise: files of a scan, tapes, jobs at once
)

// within reads a whole number that lies between two bounds, both included; another one is unknown.
func (d *decoder) within(least, most int64) Optional[int64] {
	n := d.integer()
	if n.Given && (n.Value < least || n.Value > most) {
		d.problem(strconv.AppendInt(nil, n.Value, 10))
		return Optional[int64]{}
	}
	return n
}

// numberUpTo is a number with a fraction between 0 and a bound.
func (d *decoder) numberUpTo(most float64) Optional[float64] {
	n := d.number()
	if n.Given && (n.Value < 0 || n.Value > most) {
		d.problem(strconv.AppendFloat(nil, n.Value, 'g', -1, 64))
		return Optional[float64]{}
	}
	return n
}
