package record

import "backwire/source"

// Sink takes what records say, in the order of the log.
type Sink interface {
	// Enter comes before a record's batches, with the image as it is in front of them; it knows the record's series already.
	Enter(*Image)
	// Batch takes a batch, and Exemplar an exemplar of it. An error ends the reading of the segment.
	Batch(Batch) error
	Exemplar(series uint32, e Exemplar) error
}

// Batch is one site's batch, as the changes against the one before. What it refers to belongs to the reader, and is valid until
// the sink returns.
type Batch struct {
	Site    int      // reference
	T       int64    // ms since the epoch
	Changed []uint32 // the series whose values are not what they were, ascending
	Values  []uint64 // of all series, as the bits of a float64
	Points  Set      // series with a sample at T; none if the batch only has values
	Added   Set      // of these, the new ones
	Ended   Set      // series with a stale marker at T
}

// Exemplar is an observation of a series. Its labels are not in the dictionary:
// a job's id occurs once and would only make it grow.
type Exemplar struct {
	Labels []source.Label // sorted by name
	T      int64          // ms since the epoch
	V      float64
}
