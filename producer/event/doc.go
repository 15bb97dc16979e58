// Package event is the contract of Nightshift: the jobs that go in, the
// outcomes that come out, and the names under which both travel on NATS
// JetStream. Producers, consumers and the services that subscribe to outcomes
// share it; it imports the standard library only, so sharing it costs nothing.
//
// The one rule it keeps: what is on the wire only ever grows. Every name here
// is a string constant frozen by a golden file; a field may be added, none is
// renamed, retyped or removed, and readers keep the fields they do not know.
//
// A service that wants to hear endings subscribes to one subject:
//
//	cons, err := js.CreateOrUpdateConsumer(ctx, event.StreamOutcomes, jetstream.ConsumerConfig{
//		Durable:       "reconnect-mails",
//		FilterSubject: event.OutcomeSubject("*", event.ReconnectRequired),
//	})
//	...
//	outcome, err := event.DecodeOutcome(msg.Data())
//
// What was told stays in the stream for 35 days, and can be read again from
// any time or sequence: the examples show how.
//
// No credential, authorize token, holder data, account number or balance is
// ever in a job, an outcome, a subject or a header. Accounts lie in an object
// store; an outcome carries the reference ([Accounts]).
package event
