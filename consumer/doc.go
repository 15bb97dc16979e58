// Package consumer works refresh jobs off: it pulls one from JetStream, claims
// its login in Redis, calls Flinks, decides, and settles the job with exactly
// one outcome event.
//
// The one rule it keeps: a job leaves the stream only after its outcome, or its
// own continuation, is safely stored. Accounts, then the outcome, then the
// record in Redis, then the ack, in this order; so a worker may die between
// any two instructions, and the next one finds out from the streams what is
// left to do.
//
// What to do about a reply is decided by [Policy.Step], a pure function; all
// else here carries its moves out:
//
//	pull.go      takes jobs, as many as there are free slots
//	life.go      one job from its claim to its end
//	admit.go     whether the bank takes a live call now
//	turns.go     the pace of calls that all workers keep
//	call.go      one move: one call to Flinks
//	step.go      (job, reply, now) -> move
//	settle.go    the end: accounts, outcome, record, ack
//	park.go      the long wait: a scheduled message that carries its checkpoint
//	hold.go      the heartbeat of a job in hand
//	gate.go      stops pulling while the trouble is ours
package consumer
