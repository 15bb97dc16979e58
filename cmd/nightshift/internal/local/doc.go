// Package local runs the servers that Nightshift needs inside the program or
// beside it, so that a newcomer has nothing to install: a NATS server with
// JetStream in the same process, and a Redis server as a child process.
//
// The one rule it keeps: what runs here behaves as the real thing does. Files
// survive a restart and a killed process; where that cannot be had, because
// no Redis is installed, one loud line says so.
package local
