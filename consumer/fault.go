package consumer

import "nightshift/producer/event"

// faultyOp is whose success will show that the fault is mended.
func faultyOp(why event.Reason, c *course) string {
	if why == event.FlinksUnreachable {
		return host
	}
	return c.op
}

// ourFault words why pulling stops, and what to do about it.
func ourFault(why event.Reason) string {
	switch why {
	case event.FlinksUnreachable:
		return "Flinks cannot be reached: check --flinks-url and the network"
	case event.InvalidRequest:
		return "Flinks calls the requests of several logins invalid: check --flinks-url, --flinks-customer-id and the options"
	}
	return "Flinks refuses our credentials: check --flinks-secret-key, --flinks-api-key and --flinks-customer-id"
}
