// Package ledger counts exactly once, of any product: it finds the ended events that were not counted yet, and remembers those
// that were.
//
// A Ledger reads what changed since the watermark, asks again for what answers leave out, and audits the ids that are neither
// counted nor open. Counted is the set of counted events in chunks of 512 ids; Mark is how far counting has come, Birth where it
// began, Clock how far the server's clock is ahead. All of it is the state of a site, as keys that are committed with the
// samples. What a server understands is its Source's matter: no HTTP, no JSON, no NetBackup. Who uses a Ledger does so from one
// goroutine at a time.
package ledger
