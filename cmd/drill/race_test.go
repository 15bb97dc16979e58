//go:build race

package main

// raceFlags build the processes of a test that looks for data races so that
// they do so, too.
var raceFlags = []string{"-race"}
