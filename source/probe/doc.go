// Package probe tries one address of the network step by step, and says of each step what was tried,
// what came back and what to do next.
//
// It owns the finding, which everything that is checked ends as, and the steps that every server has in
// common: its name, the way to it, its certificate. It knows sockets and certificates and never what is spoken
// over them. Invariant: the steps go from the outside in and end at the first that fails, so that nobody is
// sent looking for a role where a cable is out.
package probe
