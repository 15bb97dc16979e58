package doctor

import (
	"context"
	"errors"
	"time"

	"nightshift/flinks"
)

// flinksPatience is longer than for our own servers: Flinks is far away.
const flinksPatience = 15 * time.Second

// flinks asks for an authorize token, which touches no login and no bank.
func (v *visit) flinks(ctx context.Context) []Check {
	if v.Flinks == nil {
		return []Check{skipped("flinks", "no address was given, so the credentials were not tried").
			mend("set --flinks-url, --flinks-customer-id and --flinks-secret-key, or their variables")}
	}
	_, err := v.Flinks.GenerateAuthorizeToken(ctx)
	return []Check{judgeFlinks(err)}
}

// judgeFlinks words what the try brought. The API key has no part in it: only
// calls for data are made with it.
func judgeFlinks(err error) Check {
	const name = "flinks"
	fe, answered := errors.AsType[*flinks.Error](err)
	answered = answered && fe.HTTPStatus != 0
	switch kind := flinks.KindOf(err); {
	case err == nil:
		return ok(name, "it takes the secret key, and gave a token")
	case errors.Is(err, flinks.ErrSettings):
		return broken(name, "%s", said(err)).mend("correct --flinks-url, --flinks-customer-id or --flinks-secret-key")
	case kind == flinks.KindConfig && answered && fe.Code == flinks.CodeCustomerNotFound:
		return broken(name, "it does not know the customer: %s; workers pause, and no job is touched", said(err)).mend("correct --flinks-customer-id")
	case kind == flinks.KindConfig:
		return broken(name, "it refuses the credentials: %s; workers pause, and no job is touched", said(err)).
			mend("correct --flinks-secret-key (or the file that NIGHTSHIFT_FLINKS_SECRET_KEY_FILE names), and compare --flinks-customer-id")
	case kind == flinks.KindThrottled, kind == flinks.KindRetryable:
		return warning(name, "it answers, but gives no token now: %v", err).mend("look again later")
	case answered:
		return broken(name, "what answers there is not Flinks, or is out of order: %s", said(err)).mend("correct --flinks-url, or look at a proxy in between")
	}
	return broken(name, "it cannot be reached: %s; workers pause, and no job is touched", said(err)).mend("correct --flinks-url, or mend the network: DNS, proxy, firewall")
}
