package doctor

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/cmd/nightshift/internal/local"
)

// nats looks whether the server is there and new enough.
func (v *visit) nats(context.Context) []Check {
	if v.NATS.Err != nil {
		v.noNATS = "NATS cannot be asked"
		v.noJetStream = v.noNATS
		return []Check{unreachableNATS(v.NATS.Err), skipped("nats version", v.noNATS)}
	}
	return []Check{
		ok("nats", "%s answers", v.NATS.Where),
		natsVersion(v.Conn.ConnectedServerVersion()),
	}
}

func unreachableNATS(err error) Check {
	c := broken("nats", "%s", said(err))
	_, file := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, local.ErrLocked):
		return c.mend("stop that process, or look again when it has ended: nobody else can see into its embedded servers")
	case file:
		return c.mend("name a readable credentials file with --nats-creds")
	case errors.Is(err, nats.ErrAuthorization):
		return c.mend("correct the user and password in --nats-url, or --nats-creds")
	}
	return c.mend("start the server, or correct --nats-url")
}

// natsVersion: without scheduled messages, which came with 2.12, no job can be
// parked.
func natsVersion(version string) Check {
	const name, mend = "nats version", "install nats-server 2.14 or newer"
	switch {
	case !known(version):
		return skipped(name, "the server does not tell its version")
	case older(version, 2, 12):
		return broken(name, "%s cannot schedule messages, so no job can be parked", version).mend(mend)
	case older(version, 2, 14):
		return warning(name, "%s is older than what Nightshift is made for", version).mend(mend)
	}
	return ok(name, "%s", version)
}

// jetStream looks whether JetStream is on and how much it may still store.
func (v *visit) jetStream(ctx context.Context) []Check {
	const name, storage = "jetstream", "jetstream storage"
	account, err := v.JS.AccountInfo(ctx)
	if err == nil {
		return []Check{ok(name, "it is on"), judgeStorage(account)}
	}
	v.noJetStream = "JetStream cannot be asked"
	c := broken(name, "it does not answer: %s", said(err)).
		mend("look at the server's log; the account must be allowed to use the subjects $JS.API.>")
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		c = broken(name, "the server has no JetStream").
			mend("nats-server --jetstream", "or, in the server's configuration: jetstream { store_dir: /data }")
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		c = broken(name, "the account has no JetStream").
			mend("in the server's configuration, in the account: jetstream: enabled")
	}
	return []Check{c, skipped(storage, v.noJetStream)}
}

// judgeStorage looks at the limits of the account, of which it may have one
// for each number of copies. The server's own limit is not told to clients.
func judgeStorage(account *jetstream.AccountInfo) Check {
	const name = "jetstream storage"
	tiers := map[string]jetstream.Tier{"": account.Tier}
	if len(account.Tiers) > 0 {
		tiers = account.Tiers
	}
	worst := ok(name, "%s used, the account has no limit", bytesOf(account.Store))
	for _, tier := range slices.Sorted(maps.Keys(tiers)) {
		t := tiers[tier]
		if t.Limits.MaxStore <= 0 {
			continue
		}
		of := bytesOf(uint64(t.Limits.MaxStore))
		if tier != "" {
			of += " in the tier " + tier
		}
		c := fullness(name, t.Store, uint64(t.Limits.MaxStore), of, "when it is full, no job, outcome or account can be stored",
			"raise max_file of the account in the NATS server's configuration, or remove streams that nobody needs: nats stream report")
		if severity(c.Found) > severity(worst.Found) || worst.Found == OK {
			worst = c
		}
	}
	return worst
}
