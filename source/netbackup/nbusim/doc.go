// Package nbusim is a simulated NetBackup primary server, for tests and the demo.
//
// It has a job database driven by a clock, storage, credentials, scripted faults and the true counts. It follows the
// vendor's REST documents (media types "version=M.0", OData filters, cursor and offset pages, error formats). It imports
// only the standard library, so that a misreading in the agent is not repeated here. Answers and Truth come from
// the same job at the same time of the server's clock.
package nbusim
