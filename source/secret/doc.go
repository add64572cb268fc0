// Package secret removes credentials from the answers of a server. Servers and proxies repeat parts of the request that
// they refuse, and these must not appear in a log or on a page.
//
// It knows the forms in which a secret is repeated and replaces them with a mark. Text that went through a Keeper
// contains none of the secrets that it was given before, except very short ones.
package secret
