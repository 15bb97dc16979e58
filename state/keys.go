package state

import "strconv"

// Every key of a login carries the loginId as hash tag, so that a script's
// keys share a slot of a Redis Cluster.
const prefix = "nightshift:"

// epochKey holds the time since which Redis remembers. It is written once and
// goes missing only with everything else.
const epochKey = prefix + "epoch"

// circuitKey: hash, why all workers pause. Fields: op, why, since, next, probe,
// until; times in Unix milliseconds. Missing: they do not pause.
func circuitKey(name string) string { return prefix + "circuit:" + name }

// leaseKey: string, the owner who works on the login now. Expires by itself.
func leaseKey(loginID string) string { return prefix + "{" + loginID + "}:lease" }

// cycleKey: hash, how far (login, cycle) has come. Fields: fence, live, ended.
func cycleKey(loginID, cycle string) string { return prefix + "{" + loginID + "}:cycle:" + cycle }

// loginKey: hash, what is known of the login. Fields: since, on, inst, type,
// reason, cycle, code, ended, success, cached, refused, waiting; times in Unix
// milliseconds.
func loginKey(loginID string) string { return prefix + "{" + loginID + "}:login" }

// limits begins the keys of what all replicas share. They carry a hash tag of
// their own: one script asks several of them.
const limits = prefix + "{limits}:"

// paceKey: hash, how fast Flinks is called. Fields: gap, next, until; in
// microseconds. Missing: as fast as it goes.
const paceKey = limits + "pace"

// pausedKey: sorted set, the institutions whose circuit is open, by when it
// would be cleared away, in Unix milliseconds.
const pausedKey = limits + "paused"

// institutionKey: hash, the circuit of an institution. Fields: since, next,
// probe, least; times in Unix milliseconds. Missing: it is closed.
func institutionKey(name string) string { return limits + "institution:" + name }

// sessionsKey: sorted set, the owners of an institution's live sessions, by
// when their places come free, in Unix milliseconds.
func sessionsKey(name string) string { return limits + "sessions:" + name }

// bucketsKey: set, the numbers of the roster's parts that may hold logins.
const bucketsKey = prefix + "roster"

// bucketKey: hash, loginIds of one part of the roster, without values. A set
// would take twice the memory: before version 7.2 Redis has no compact form of
// one.
func bucketKey(n int) string { return prefix + "roster:" + strconv.Itoa(n) }

// lastNightKey: string, the cycle of the latest night.
const lastNightKey = prefix + "night"

// nightKey: hash, how far the publication of a night has come. Fields: opened,
// closes, done (Unix milliseconds), listed, next, and "n:" with the name of a
// count.
func nightKey(cycle string) string { return prefix + "{night:" + cycle + "}" }

// leadKey: string, the producer that works on the night. Expires by itself.
func leadKey(cycle string) string { return nightKey(cycle) + ":lead" }

// listedKey: hash, what Flinks says of each login that it will not refresh.
func listedKey(cycle string) string { return nightKey(cycle) + ":listed" }
