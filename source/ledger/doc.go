// Package ledger is what counting exactly once rests on, of any product: which events were counted, and how far.
//
// Counted is the set of counted events by id, in chunks of 512 ids and in the lives of ids that started again; Mark is how far
// counting has come, Birth where it began, Clock how far the server's clock is ahead. All of it is the state of a site, as keys
// that are committed with the samples. It never reads or asks: no HTTP, no JSON, no NetBackup. Nothing here locks; the caller does.
package ledger
