// Package flinkstest is Flinks in a box: an [http.Handler] that speaks the
// documented wire of the Flinks banking API, with scripted logins and injected
// faults.
//
// Its one rule: it is as strict as the documentation is and never kinder. What
// a real instance would refuse is refused here with the same code and status;
// what no instance would understand (an unknown path, a wrong method, a token
// spent twice, the secret key sent where a token belongs) is also written into
// the journal as a mistake, so that a test can fail on it. It shares no type
// with the client it tests, and so cannot share its errors.
//
// # In a test
//
//	srv, client := flinkstest.Start(t, flinkstest.Options{})
//	srv.Add(flinkstest.Login{ID: "0b9f2c1e-…", LastRefresh: time.Now().Add(-30 * time.Hour),
//		Live: []flinkstest.Answer{{FlinksCode: "RETRY_LATER"}, {}}})
//
// The client of [Start] and [Server.Client] is a real http.Transport over
// in-memory pipes: time-outs and cancellation work, and all of it works inside
// a testing/synctest bubble, where the session lifetimes pass at once. Every
// host name leads to the simulator; [BaseURL] is one.
//
// # As a process
//
// Served over TCP, it also answers these routes, which the injected faults
// never touch:
//
//	GET  /_sandbox/health     {"status":"ok","logins":n}
//	GET  /_sandbox/journal    every call so far, NDJSON, in order of arrival; ?after=SEQ
//	GET  /_sandbox/overlaps   sessions of one login that overlapped, JSON
//	GET  /_sandbox/stats      calls per operation, code and fault, and the most
//	                          calls any login saw; ?full=1 adds each login
//	GET  /_sandbox/logins     loginId, institution and deserved ending of each
//	                          login, NDJSON, or CSV with ?format=csv; ?scheduled=1
//	                          leaves out the logins without nightly refresh
//	POST /_sandbox/faults     a [Faults] object, replaces the faults in force
//	POST /_sandbox/secret     {"refused":true} as if the secret key had expired
//
// # A login's script
//
// A [Login] says what its cached data is and what the bank will answer. The
// n-th live Authorize gets the n-th of its Live answers, the n-th session that
// asks for data the n-th of its Detail answers; the last one repeats, and none
// at all means that everything goes well. A live Authorize leaves its mark: the
// cached mode then repeats how it ended, errors included, until the next one.
//
// # Where the documentation is silent
//
// Choices had to be made; each is explained where it is made, and the statuses
// that no page names stand together in catalogue.go.
package flinkstest
