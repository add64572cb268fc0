// Package ledger counts exactly once, of any product: it finds the ended events that were not counted yet, and remembers those
// that were.
//
// A Ledger reads what changed since the watermark, asks again for what answers leave out, audits the ids that are neither counted
// nor open, and lays the endings at aligned times, where a product's Books count them. Counted is the set of counted events, Mark
// how far counting has come, Birth where it began, Clock how far the server's clock is ahead. All of it is the state of a site,
// as keys that are committed with the samples. What a server understands is its Source's matter: no HTTP, no JSON, no NetBackup.
// Nothing here locks but a Reading: a Ledger is used from one goroutine at a time.
package ledger
