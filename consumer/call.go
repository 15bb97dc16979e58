package consumer

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"nightshift/flinks"
	"nightshift/producer/event"
)

// host stands for Flinks' host in rows: it is well when any reply comes,
// whatever the reply says.
const host = "host"

// course is what one worker gathers while it works on a job. It lives no
// longer than the worker's hold.
type course struct {
	patience  *backoff.ExponentialBackOff
	op        string      // the call made last
	reply     Reply       // to it
	before    event.Spent // what was spent before it
	recorded  int         // live calls written down in Redis, by this worker
	lastReply time.Time   // when Flinks last answered within the session
	turn      time.Time   // when the second call of a move may begin

	counts     event.Counts
	detail     []byte // GetAccountsDetail's body as it came
	attributes []byte // GetAttributes' body as it came
}

// object is what is kept of a refresh: Flinks' own bodies, as they came, under
// the names of the calls.
func (c *course) object(o *event.Outcome) []byte {
	var b bytes.Buffer
	b.Grow(len(c.detail) + len(c.attributes) + 256)
	fmt.Fprintf(&b, `{"loginId":%q,"cycle":%q,"accountsDetail":%s`, o.LoginID, o.Cycle, c.detail)
	if c.attributes != nil {
		fmt.Fprintf(&b, `,"attributes":%s`, c.attributes)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// call makes the call of work.Phase. What it spends is noted in work, a live
// Authorize in Redis as well, before it is made. Its answer becomes c.reply.
// With an error no call was made: the lease or Redis is gone.
func (w *Worker) call(h *hold, work *Work, c *course) error {
	c.reply = Reply{}
	switch work.Phase {
	case event.PhaseCached, event.PhaseLive:
		if err := w.authorize(h, work, c); err != nil {
			return err
		}
	case event.PhaseDetail, event.PhasePoll:
		w.detail(h, work, c)
	case event.PhaseAttributes:
		w.attributes(h, work, c)
	}
	if c.reply.Kind == flinks.KindNone {
		c.patience.Reset()
	} else {
		c.reply.ShortWait = c.patience.NextBackOff() // backoff.Stop is negative
	}
	if c.reply.Kind == flinks.KindNone || c.reply.RequestID != "" {
		c.lastReply = h.now()
	}
	return nil
}

// authorize mints a token and opens a session with it. The token that was
// minted a moment before shows that our secret is good, which is what tells
// the bank's UNAUTHORIZED from our own.
func (w *Worker) authorize(h *hold, work *Work, c *course) error {
	live := work.Phase == event.PhaseLive
	spent := &work.Spent.Cached
	if live {
		spent = &work.Spent.Live
	}
	*spent++
	c.op = flinks.OpGenerateAuthorizeToken
	w.Stats.Calls.Add(1)
	token, err := w.Flinks.GenerateAuthorizeToken(h)
	if err != nil {
		w.reply(err, work, c)
		c.reply.Unsent = true // whatever became of the token, there was no Authorize
		return nil
	}
	w.reply(nil, work, c)
	if !w.wait(h, time.Until(c.turn)) {
		*spent--
		return errStopped
	}
	if live {
		err = w.askBank(h, token, work, c)
	} else {
		w.opened(h, token, flinks.Cached(work.LoginID), work, c)
	}
	return err
}

// askBank opens a live session. With an error it was not asked.
func (w *Worker) askBank(h *hold, token flinks.Secret, work *Work, c *course) error {
	if err := w.recordLive(h, work, c); err != nil {
		return err
	}
	work.AskedBank = true
	w.Stats.Live.Add(1)
	reached(liveRecorded)
	h.asking.Store(true)
	w.opened(h, token, flinks.Live(work.LoginID), work, c)
	h.asking.Store(false)
	reached(liveCalled)
	w.heard(h, work, &c.reply)
	return nil
}

// opened makes an Authorize.
func (w *Worker) opened(h *hold, token flinks.Secret, request flinks.AuthorizeRequest, work *Work, c *course) {
	c.op = flinks.OpAuthorize
	w.Stats.Calls.Add(1)
	resp, err := w.Flinks.Authorize(h, token, request)
	w.reply(err, work, c)
	if err == nil {
		c.session(work, status(resp.OK(), resp.Pending()), resp.RequestID, resp.Institution, resp.Login)
	}
}

// session notes what a good answer says of the session.
func (c *course) session(work *Work, s Status, requestID, institution string, login *flinks.Login) {
	c.reply.Status, c.reply.RequestID = s, requestID
	work.Institution = cmp.Or(institution, work.Institution)
	if login != nil {
		c.reply.LastRefresh = login.LastRefresh.Time
	}
}

// detail fetches the accounts, or asks again for accounts that were pending.
func (w *Worker) detail(h *hold, work *Work, c *course) {
	var resp *flinks.AccountsDetailResponse
	var err error
	w.Stats.Calls.Add(1)
	if work.Phase == event.PhasePoll {
		c.op = flinks.OpGetAccountsDetailAsync
		resp, err = w.Flinks.GetAccountsDetailAsync(h, work.RequestID)
	} else {
		c.op = flinks.OpGetAccountsDetail
		resp, err = w.Flinks.GetAccountsDetail(h, detailRequest(&work.Job))
	}
	w.reply(err, work, c)
	if err != nil {
		return
	}
	c.session(work, status(resp.OK(), resp.Pending()), resp.RequestID, resp.Institution, resp.Login)
	if resp.OK() {
		c.detail = resp.Raw
		c.counts.Accounts, c.counts.Transactions = resp.Counts()
	}
}

// detailRequest asks for what the job's options say. Attributes are computed
// from transactions, so they need some.
func detailRequest(j *event.Job) flinks.AccountsDetailRequest {
	days := j.Options.DaysOfTransactions
	if days == 0 && j.Options.Attributes != "" {
		days = 90
	}
	req := flinks.AccountsDetailRequest{RequestID: j.RequestID, WithTransactions: days > 0}
	switch days {
	case 90:
		req.DaysOfTransactions = flinks.Days90
	case 365:
		req.DaysOfTransactions = flinks.Days365
	}
	return req
}

func (w *Worker) attributes(h *hold, work *Work, c *course) {
	c.op = flinks.OpGetAttributes
	w.Stats.Calls.Add(1)
	resp, err := w.Flinks.GetAttributes(h, work.LoginID, work.RequestID, flinks.AttributeSet(work.Options.Attributes))
	w.reply(err, work, c)
	if err != nil {
		return
	}
	if c.reply.Status = status(resp.OK(), resp.Pending()); resp.OK() {
		c.attributes = resp.Raw
	}
}

func status(ok, pending bool) Status {
	switch {
	case ok:
		return OK
	case pending:
		return Pending
	}
	return Challenge
}

// reply makes an error, or none, the reply, and keeps account of what the
// answer says about Flinks and about ourselves.
func (w *Worker) reply(err error, work *Work, c *course) {
	r := &c.reply
	*r = Reply{Kind: flinks.KindOf(err)}
	fe, answered := errors.AsType[*flinks.Error](err)
	if answered {
		r.FlinksCode, r.RequestID, r.RetryAfter, r.Unsent = fe.FlinksCode, fe.RequestID, fe.RetryAfter, fe.Unsent
		work.Institution = cmp.Or(fe.Institution, work.Institution)
	}
	if err == nil || answered && fe.HTTPStatus != 0 {
		w.rows.good(host)
		w.host.open()
	}
	switch {
	case r.Kind == flinks.KindThrottled:
		w.turns.throttled(r.RetryAfter)
	case r.Kind == flinks.KindTransport && r.Unsent:
		r.InARow = w.rows.suspect(host, work.LoginID)
	case suspicious(r.Kind, c.op):
		if r.InARow = w.rows.suspect(c.op, work.LoginID); w.ours.isOpen(c.op) {
			r.InARow = max(r.InARow, w.Policy.OurFault) // a probe: it is known already whose fault it is
		}
	case r.Kind != flinks.KindTransport:
		w.turns.pace.good()
		w.good(c.op)
	}
}

// suspicious: one login's own matter, or our credentials. At Authorize an
// UNAUTHORIZED is the bank's, since the secret has just minted a token.
func suspicious(k flinks.Kind, op string) bool {
	switch k {
	case flinks.KindInvalidRequest, flinks.KindConfig:
		return true
	}
	return k == flinks.KindUnauthorized && op != flinks.OpAuthorize
}

// good notes that an operation works: it ends its row of suspicions and closes
// the circuit that was opened because of it.
func (w *Worker) good(op string) {
	w.rows.good(op)
	w.ours.good(op)
}
