// Package producer decides which logins are to be refreshed and writes one job
// for each of them to JetStream. It also sets the streams up that all parts of
// Nightshift share.
//
// The one rule it keeps: a login has at most one job in a lane, waiting or
// parked, however many producers publish, and however often. A publication
// expects that the login has none, and the server checks that; so publishing
// is repeated freely after a crash or a time-out.
package producer
