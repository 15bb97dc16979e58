// Package rig is what the programs that try Nightshift out as a whole have in
// common: they build it, and run it and its servers as processes.
//
// The one rule it keeps: a process ends with the program that started it.
package rig
