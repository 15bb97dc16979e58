package flinkstest

import "time"

// The ways a refresh can end.
const (
	EndRefreshed         = "refreshed"
	EndMFARequired       = "mfa_required"
	EndReconnectRequired = "reconnect_required"
	EndFailed            = "failed"
)

const (
	freshFor     = 24 * time.Hour // How old cached data may be.
	liveAttempts = 3              // How often the bank is tried.
	mostPolls    = 600            // 30 minutes, every 3 seconds.
)

// Ending is what a correct nightly refresh makes of the login if it starts now,
// by the flowchart of Flinks' guide: cached data younger than a day is taken;
// older data, or one of the seven codes that leave a login eligible, leads to a
// live Authorize, tried three times in all; any other code means that the user
// has to reconnect. INVALID_REQUEST is nobody's fault but the caller's: failed.
func (l Login) Ending() string { return l.EndingAt(time.Now()) }

// EndingAt is Ending for a refresh that starts at a given time.
func (l Login) EndingAt(now time.Time) string {
	code := l.Last.end()
	if l.Last.Challenge != nil {
		code = "SESSION_EXPIRED"
	}
	fresh := !l.LastRefresh.IsZero() && now.Sub(l.LastRefresh) <= freshFor
	switch {
	case code == "INVALID_REQUEST":
		return EndFailed
	case code != "" && !seven[code]:
		return EndReconnectRequired
	case code != "" || !fresh:
		if end := l.liveEnding(); end != "" {
			return end
		}
	}
	return l.detailEnding()
}

// liveEnding is how the live part ends, "" when it goes on to the data.
func (l Login) liveEnding() string {
	tried := 0
	for n := range len(l.Live) + liveAttempts {
		if tried == liveAttempts {
			break
		}
		a := nth(l.Live, n)
		code := a.end()
		switch {
		case a.Fault == FaultThrottle, code == "TOO_MANY_REQUESTS", code == "CONCURRENT_SESSION",
			code == "CARD_IN_USE", code == "ACCESS_DENIED", code == "CUSTOMER_NOT_FOUND",
			code == "METHOD_NOT_AVAILABLE":
			// The same call again, later; no attempt is used.
		case a.Fault != "", seven[code]:
			tried++
		case code == "ALREADY_AUTHORIZED": // There is a session to go on with.
			return ""
		case code == "INVALID_REQUEST":
			return EndFailed
		case code != "":
			return EndReconnectRequired
		case a.Challenge != nil:
			return EndMFARequired
		default:
			return ""
		}
	}
	return EndFailed
}

// detailEnding is how the data part ends. A lost session leads to a new one.
func (l Login) detailEnding() string {
	for n := range len(l.Detail) + 1 {
		a := nth(l.Detail, n)
		switch code := a.end(); {
		case a.Polls >= mostPolls, a.Pending >= processingLife:
			return EndFailed
		case code == "":
			return EndRefreshed
		case code == "SESSION_EXPIRED", code == "SESSION_NONEXISTENT":
			continue
		case code == "INVALID_REQUEST":
			return EndFailed
		default:
			return EndReconnectRequired
		}
	}
	return EndFailed
}
