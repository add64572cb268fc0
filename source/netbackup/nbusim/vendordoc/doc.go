// Package vendordoc holds requests and answers against the vendor's OpenAPI documents.
//
// It owns the reading of those documents: one YAML file is parsed when a path of it is first asked
// for, and only that path is kept. It knows which release speaks which media type version. It
// never knows what the simulator or the client meant, only what went over the wire. Test
// support: no shipped binary imports it. Invariant: an exchange that no document describes is an
// error and not a pass; if that broke, a typing error in a path would look like conformance.
//
// # What is patched in memory
//
//   - Media types: a file of another release stands in where a release lacks one (11.2 has no storage.yaml);
//     its version is written over with the one that was spoken.
//   - Examples and defaults are left out: some are of another type than their schema (an id of 1 for a
//     string, a date for a string), and nothing is checked against them.
//   - oneOf becomes anyOf: the alternatives of a storage unit's attributes are objects without required
//     properties, so that every object fits both and oneOf could never hold.
//   - What is described in a file that the collection lacks is left open, where no release has it in one (the refusals of
//     /catalog/images).
//   - servers is left out: "https://<masterserver>:1556" is not a URL.
//   - The query parameters page[limit] and the like have no style; their names are taken literally.
package vendordoc
