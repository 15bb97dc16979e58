//go:build !race

package main

// raceFlags are none where the test itself does not look for data races.
var raceFlags []string
