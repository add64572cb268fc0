//go:build race

package main

// raceFlags build the programs under test with the race detector where the tests are built with it.
var raceFlags = []string{"-race"}
