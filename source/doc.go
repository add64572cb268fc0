// Package source is the model that flows through backwire: metric, series, sample, batch, cycle.
//
// It owns the words and the identity of a series. It knows labels, types and times in
// milliseconds. It never knows where samples come from (a job, a storage unit) or where they
// go (a log, a request). Invariant: a Series never changes after NewSeries and its labels are
// sorted, unique and not empty; if that broke, receivers would refuse every request.
package source
