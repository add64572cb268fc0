// Package vendordoc checks requests and answers against the vendor's OpenAPI documents, in tests only.
//
// It parses a YAML file when one of its paths is first needed, and keeps only that path. It knows which release uses
// which version of a media type, and sees only what goes over the wire. An exchange that no document describes is an
// error.
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
