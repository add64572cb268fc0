// Package probe tests one network address step by step, and reports for each step what was tried, what the answer was
// and what to do.
//
// It defines the finding, which is the result of every check, and the steps that all servers share: host name,
// connection, certificate. It does not know the protocol on top. The steps go from the outside in and stop at the first
// failure, so that nobody searches for a role when a cable is unplugged.
package probe
