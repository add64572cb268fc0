// Package secret clears credentials out of what a server answers, so that nobody reads in a log or on a page
// what a server, or a proxy before it, repeats of the request that it refused.
//
// It owns the mark that stands in a secret's place and knows the forms in which a secret is repeated. It never
// knows what is asked for and why. Invariant: words that went through a Keeper hold none of the secrets that it was
// given before, the shortest excepted.
package secret
