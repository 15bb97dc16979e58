// Package state is what Redis remembers between the steps of a job: who works
// on a login at this moment, which cycles have ended, how often a bank was
// asked live, and how a login's last refresh went.
//
// The one rule it keeps: every change is one Lua script, on the keys of one
// login or on those of the limits that all replicas share; it may be repeated
// by the client without harm, and losing all of it loses no job and tells no
// outcome twice. The truth about jobs and endings is in JetStream; what lies
// here keeps workers from doing a thing at once, or again.
//
// The package knows neither Flinks nor NATS. A worker's use of it:
//
//	held, err := store.Claim(ctx, state.Lease{LoginID: id, Cycle: cycle, Owner: token, Fence: seq}, 30*time.Second)
//	switch held.Verdict {
//	case state.Busy:    // somebody else has the login: come back after held.BusyFor
//	case state.Done:    // the cycle has ended: nothing to do
//	case state.Stale:   // a later message of the same job was seen: nothing to do
//	case state.Claimed: // work, renew, and end with Park, Release or Finish
//	}
package state
