package consumer

import "nightshift/producer/event"

// yield pauses the pulling that the job's fault concerns, and says what to do:
// of this worker where only it may be cut off, else of all.
func (w *Worker) yield(m *Move, c *course) {
	about := []any{"job", m.Work.OutcomeID(), "flinks_code", m.Work.Spent.FlinksCode}
	if m.Reason == event.FlinksUnreachable {
		w.host.close(OurFault(string(m.Reason)), about...)
		return
	}
	w.ours.open(c.op, m.Reason, about...)
}

// OurFault words why pulling stops, and what to do about it. why is the word
// that the circuit keeps.
func OurFault(why string) string {
	switch event.Reason(why) {
	case event.FlinksUnreachable:
		return "Flinks cannot be reached: check --flinks-url and the network"
	case event.InvalidRequest:
		return "Flinks calls the requests of several logins invalid: check --flinks-url, --flinks-customer-id and the options"
	}
	return "Flinks refuses our credentials: check --flinks-secret-key, --flinks-api-key and --flinks-customer-id"
}
