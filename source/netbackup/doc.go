// Package netbackup is one primary server: its collectors, its job ledger and its metrics.
//
// It contains the catalogue of metrics and the state of jobs and clients. It reads rows with package api and produces
// the model of package source. It does not know where samples go or when a cycle is due. A finished job changes the
// counters once in the life of the installation, and the change is in the same cycle as the record that it is counted.
//
// All collectors treat missing data in the same way. A row without an identifier is unreadable: it is left out of every
// row count, and nbu_rows_unreadable_total counts it. A list that ends although its server announces more rows is an
// error: no count of rows and no sum over it is shown. A readable row without a value of a sum makes that sum absent. A
// readable row without a property keeps the last known one if it is a label of the row's own series; where rows are
// counted by the property, they are counted under an empty label.
package netbackup
