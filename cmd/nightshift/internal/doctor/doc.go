// Package doctor looks at every part that Nightshift needs and says of each
// how it was found and what mends it.
//
// The one rule it keeps: looking changes nothing and always ends. Each part
// has a short time to answer, a part that is down does not hide the others,
// and what depends on it is skipped and says why.
//
// Each part has a file of its own, and a line in [examinations].
package doctor
