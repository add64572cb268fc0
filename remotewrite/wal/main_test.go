package wal_test

import "flag"

var (
	seedFlag   = flag.Uint64("wal.seed", 0, "repeat the random histories of this seed")
	runsFlag   = flag.Int("wal.runs", 300, "how many random histories")
	updateFlag = flag.Bool("wal.update", false, "write the files of testdata anew")
)
