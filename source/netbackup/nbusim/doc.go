// Package nbusim is a NetBackup primary server in a box, for tests and for trying the agent.
//
// It owns a job database that lives by a clock, a storage estate, credentials, scripted faults
// and the ground truth. It knows the vendor's REST documents (media types "version=M.0", OData
// filters, cursor and offset pages, error bodies). It never knows the agent: it imports the
// standard library alone, so that a misreading there cannot repeat itself here. Invariant: what
// an answer shows and what Truth counts come from the same job at the same instant of the
// server's clock; if that broke, every test that compares the two would prove nothing.
package nbusim
