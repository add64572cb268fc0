// Package source is the data model of backwire: metric, series, sample, batch, cycle, checkpoint.
//
// It defines the identity of a series, labels, types, and times in milliseconds. It does not know where samples come
// from (a job, a storage unit) or where they go (a log, a request). A Series never changes after NewSeries; its labels
// are sorted, unique and not empty.
package source
