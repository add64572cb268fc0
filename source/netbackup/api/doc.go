// Package api asks one primary server by its REST API, and gives what it answers as rows.
//
// It owns the client: trust, login, the version that is spoken, retries, pages, what an answer may hold at most, and one
// file for each resource. It knows the vendor's documents (media types "version=M.0", both page styles, both error bodies).
// It never knows what a row is counted as. Invariants: a value that cannot be read costs its field and is counted; a list
// that ends although its server says that there is more is an error; a credential goes to no other host, and no error repeats it.
package api
