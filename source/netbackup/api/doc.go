// Package api is the client for the REST API of one primary server. It returns answers as rows.
//
// It handles trust, login, API versions, retries, pages and limits on answers, with one file for each resource, as the
// vendor's documents describe them (media types "version=M.0", both page styles, both error formats). It does not know
// how a row is counted. A value that cannot be read loses only its field and is counted; a list that ends although the
// server announces more is an error; a credential goes to no other host, and no error repeats it.
package api
