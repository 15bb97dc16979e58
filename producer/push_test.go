package producer_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks"
	"nightshift/producer"
	"nightshift/producer/event"
	"nightshift/state"
)

// arrived is when the pushes of these tests do.
var arrived = time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)

func TestNotice(t *testing.T) {
	push := flinks.Push{
		ResponseType: "GetAccountsDetail", Status: 200, RequestID: "request-1", LoginID: "ann",
		Institution: "Some Bank", LastRefresh: arrived.Add(-time.Second),
	}
	notice := event.Push{
		LoginID: "ann", RequestID: "request-1", ResponseType: "GetAccountsDetail", Status: 200,
		Institution: "Some Bank", LastRefresh: arrived.Add(-time.Second), Received: arrived,
	}
	for _, tc := range []struct {
		rule string
		push func(*flinks.Push)
		want func(*event.Push)
		err  string
	}{
		{"all that is known is kept", func(*flinks.Push) {}, func(*event.Push) {}, ""},
		{"a refusal is kept, too", func(p *flinks.Push) { p.Status, p.FlinksCode = 401, "RETRY_LATER" }, func(n *event.Push) { n.Status, n.FlinksCode = 401, "RETRY_LATER" }, ""},
		{"no bank was read in the future", func(p *flinks.Push) { p.LastRefresh = arrived.Add(1) }, func(n *event.Push) { n.LastRefresh = time.Time{} }, ""},
		{"nor before there was a Flinks", func(p *flinks.Push) { p.LastRefresh = time.Unix(0, 0).AddDate(-2000, 0, 0) }, func(n *event.Push) { n.LastRefresh = time.Time{} }, ""},
		{"a name without end is none", func(p *flinks.Push) { p.Institution, p.FlinksCode = strings.Repeat("x", 201), strings.Repeat("x", 201) }, func(n *event.Push) { n.Institution = "" }, ""},
		{"a push of no login is of no use, and not repeated", func(p *flinks.Push) { p.LoginID = "John Flinkyfoot" }, nil, "producer: push: bad loginId: none, or not of its form"},
		{"nor is one of no session", func(p *flinks.Push) { p.RequestID = "" }, nil, "producer: push: bad requestId: none, or not of its form"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			p, want := push, notice
			tc.push(&p)
			if tc.want == nil {
				want = event.Push{}
			} else {
				tc.want(&want)
			}
			got, err := producer.Notice(p, arrived)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if err == nil && tc.err != "" || err != nil && err.Error() != tc.err {
				t.Errorf("got %v", err)
			}
			if err == nil {
				if _, err := got.Encode(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A job is looked for a minute long, the sooner the more often.
func TestPushDelay(t *testing.T) {
	var got []time.Duration
	var sum time.Duration
	for looks := uint64(1); ; looks++ {
		d := producer.PushDelay(looks)
		got, sum = append(got, d), sum+d
		if d == 0 {
			break
		}
	}
	want := []time.Duration{1, 2, 4, 8, 16, 32, 0}
	for i := range want {
		want[i] *= time.Second
	}
	if diff := cmp.Diff(want, got); diff != "" || sum != 63*time.Second {
		t.Errorf("%v\n%s", sum, diff)
	}
}

// hooked is a night with somebody who takes pushes in.
type hooked struct {
	js     jetstream.JetStream
	redis  *miniredis.Miniredis
	state  *state.Store
	pushes *producer.Pushes
}

func newHooked(t *testing.T) *hooked {
	t.Helper()
	h := &hooked{js: newNight(t), redis: miniredis.RunT(t)}
	h.redis.ClockTTL(true)
	var err error
	if h.state, err = state.Open("redis://" + h.redis.Addr()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.state.Close() })
	h.pushes = &producer.Pushes{JS: h.js, State: h.state, Log: slog.New(slog.DiscardHandler)}
	return h
}

// run wakes jobs until the test ends.
func (h *hooked) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := h.pushes.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); all.Wait() })
}

// push stores a notice.
func (h *hooked) push(t *testing.T, login, request string, change ...func(*event.Push)) {
	t.Helper()
	n := event.Push{LoginID: login, RequestID: request, ResponseType: flinks.PushAccountsDetail, Status: 200, Received: time.Now().UTC()}
	for _, c := range change {
		c(&n)
	}
	if repeat, err := h.pushes.Store(t.Context(), n); err != nil || repeat {
		t.Fatal(repeat, err)
	}
}

// parked puts a job where a worker puts one whose accounts are pending.
func (h *hooked) parked(t *testing.T, login string, lane event.Lane, request string) {
	t.Helper()
	plan := producer.Plan{Cycle: "2026-11-22", Lane: lane, Mode: event.Cached}
	job := plan.Job(producer.Entry{LoginID: login}, time.Now())
	job.Attempt, job.Phase, job.RequestID = 2, event.PhasePoll, request
	send(t, h.js, scheduled(t, job))
}

// woken waits for a job that fired, and returns it.
func (h *hooked) woken(t *testing.T, lane event.Lane) string {
	t.Helper()
	msg := take(t, h.js, lane)
	job, err := event.DecodeJob(msg.Subject(), msg.Data())
	if err != nil {
		t.Fatal(err)
	}
	ack(t, msg)
	return job.LoginID + " " + job.RequestID
}

// settled waits until no notice is left to be worked off.
func (h *hooked) settled(t *testing.T) {
	t.Helper()
	h.consumer(t, func(i *jetstream.ConsumerInfo) bool { return i.NumPending == 0 && i.NumAckPending == 0 })
}

// consumer waits until the consumer of the notices is as it should be.
func (h *hooked) consumer(t *testing.T, ok func(*jetstream.ConsumerInfo) bool) {
	t.Helper()
	cons, err := h.js.Consumer(t.Context(), event.StreamPushes, event.DurablePushes)
	if err != nil {
		t.Fatal(err)
	}
	tick, limit := time.NewTicker(10*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		info, err := cons.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if ok(info) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited a minute in vain: %+v", info)
		}
	}
}

func TestStorePush(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	n := event.Push{LoginID: "ann", RequestID: "request-1", ResponseType: "KYC", Received: arrived}
	later := n
	later.Received = arrived.Add(30 * time.Minute)
	other := n
	other.ResponseType = flinks.PushAccountsDetail
	for _, tc := range []struct {
		rule   string
		push   event.Push
		repeat bool
	}{
		{"a push is stored", n, false},
		{"the same once more is not", later, true},
		{"another kind of the same session is", other, false},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			if repeat, err := h.pushes.Store(t.Context(), tc.push); err != nil || repeat != tc.repeat {
				t.Errorf("repeat %v, %v", repeat, err)
			}
		})
	}
	t.Run("and nothing else is in the stream", func(t *testing.T) {
		s, err := h.js.Stream(t.Context(), event.StreamPushes)
		if err != nil {
			t.Fatal(err)
		}
		if info := s.CachedInfo(); info.State.Msgs != 2 {
			t.Errorf("%d messages", info.State.Msgs)
		}
		raw, err := s.GetMsg(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if raw.Subject != "refresh.push.ann" || raw.Header.Get(jetstream.MsgIDHeader) != "request-1:KYC" {
			t.Errorf("%v on %s", raw.Header, raw.Subject)
		}
		if want := `{"loginId":"ann","requestId":"request-1","responseType":"KYC","received":"2026-11-22T04:30:00Z"}`; string(raw.Data) != want {
			t.Errorf("got %s", raw.Data)
		}
	})
	t.Run("without NATS it is an error in the time that is given", func(t *testing.T) {
		h.js.Conn().Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := h.pushes.Store(ctx, n); !errors.Is(err, nats.ErrConnectionClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPushWakes(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	h.run(t)
	for _, lane := range event.Lanes {
		t.Run("the parked job of its session, lane "+string(lane), func(t *testing.T) {
			login := "of-" + string(lane)
			h.parked(t, login, lane, "Request-"+string(lane))
			h.push(t, login, "request-"+string(lane)) // capitals in a GUID mean nothing
			if got := h.woken(t, lane); got != login+" Request-"+string(lane) {
				t.Errorf("%s was woken", got)
			}
		})
	}
	t.Run("no job of another session, and nothing where the kind is another", func(t *testing.T) {
		h.parked(t, "bob", event.Nightly, "request-bob")
		h.push(t, "bob", "request-of-yesterday")
		h.push(t, "bob", "request-bob", func(n *event.Push) { n.ResponseType = "KYC" })
		h.settled(t)
		if got := subjects(t, h.js); got[event.RetrySubject("bob", event.Nightly)] != 1 || h.pushes.Stats.Woken.Load() != 2 {
			t.Errorf("%v, %d woken", got, h.pushes.Stats.Woken.Load())
		}
	})
	t.Run("a job that is parked only after the push came", func(t *testing.T) {
		publishOne(t, h.js, tonight, "eve")
		msg := take(t, h.js, event.Nightly)
		h.push(t, "eve", "request-eve")
		h.consumer(t, func(i *jetstream.ConsumerInfo) bool { return i.NumPending == 0 && i.NumRedelivered > 0 })
		h.parked(t, "eve", event.Nightly, "request-eve")
		ack(t, msg)
		if got := h.woken(t, event.Nightly); got != "eve request-eve" {
			t.Errorf("%s was woken", got)
		}
	})
	t.Run("what is no notice stops nothing", func(t *testing.T) {
		send(t, h.js, foreign(event.PushSubject("eve"), `{"loginId":"*"}`))
		h.settled(t)
	})
}

// A login that has no job, because it was Flinks' own idea to refresh it, or
// because the job has ended, costs one look.
func TestPushForNobody(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	h.run(t)
	h.push(t, "ann", "request-1")
	h.settled(t)
	h.consumer(t, func(i *jetstream.ConsumerInfo) bool { return i.Delivered.Stream == 1 })
	cons, err := h.js.Consumer(t.Context(), event.StreamPushes, event.DurablePushes)
	if err != nil {
		t.Fatal(err)
	}
	if n := cons.CachedInfo().Delivered.Consumer; n != 1 {
		t.Errorf("looked for %d times", n)
	}
}

// A process that dies leaves its notices to another one, whether it had
// stored them only or had them in hand.
func TestPushAfterADeath(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	h.parked(t, "ann", event.Nightly, "request-ann")
	h.parked(t, "bob", event.Nightly, "request-bob")
	h.push(t, "ann", "request-ann")
	cons, err := h.js.Consumer(t.Context(), event.StreamPushes, event.DurablePushes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cons.Next(jetstream.FetchMaxWait(5 * time.Second)); err != nil { // in hand, and never heard of again
		t.Fatal(err)
	}
	h.push(t, "bob", "request-bob")
	h.run(t)
	for _, want := range []string{"bob request-bob", "ann request-ann"} {
		cons, err := h.js.Consumer(t.Context(), event.StreamJobs, event.Nightly.Durable())
		if err != nil {
			t.Fatal(err)
		}
		msg, err := cons.Next(jetstream.FetchMaxWait(20 * time.Second)) // ann's notice comes back after 10 s
		if err != nil {
			t.Fatal(err)
		}
		job, err := event.DecodeJob(msg.Subject(), msg.Data())
		if got := job.LoginID + " " + job.RequestID; err != nil || got != want {
			t.Errorf("%s was woken, want %s; %v", got, want, err)
		}
		ack(t, msg)
	}
	h.settled(t)
}

// Whoever has connected again is eligible again, and nobody has to say so.
func TestPushTellsTheRecord(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	h.run(t)
	refused := time.UnixMilli(time.Now().Add(-time.Hour).UnixMilli()).UTC()
	read := refused.Add(time.Minute)
	for login, tc := range map[string]struct {
		push func(*event.Push)
		free bool
		at   time.Time // of the success
	}{
		"read-since":   {func(n *event.Push) { n.LastRefresh = read }, true, read},
		"read-before":  {func(n *event.Push) { n.LastRefresh = refused.Add(-time.Minute) }, false, refused.Add(-time.Minute)},
		"not-told":     {func(n *event.Push) { n.Received = read }, true, read},
		"refused":      {func(n *event.Push) { n.LastRefresh, n.Status = read, 401 }, false, time.Time{}},
		"with-a-code":  {func(n *event.Push) { n.LastRefresh, n.FlinksCode = read, "RETRY_LATER" }, false, time.Time{}},
		"another-kind": {func(n *event.Push) { n.LastRefresh, n.ResponseType = read, "KYC" }, false, time.Time{}},
	} {
		t.Run(login, func(t *testing.T) {
			l := state.Lease{LoginID: login, Cycle: "2026-11-22", Owner: "w", Fence: 1}
			if err := h.state.Finish(t.Context(), l, state.Ending{Type: "reconnect_required", Reason: "refused", Code: "X", Ended: refused, Waiting: true, Refused: true}); err != nil {
				t.Fatal(err)
			}
			h.push(t, login, "request-"+login, tc.push)
			h.settled(t)
			want := state.Login{LoginID: login, Type: "reconnect_required", Reason: "refused", Cycle: l.Cycle, Ended: refused, Success: tc.at}
			if !tc.free {
				want.Code, want.RefusedAt, want.Waiting = "X", refused, refused
			}
			got, err := h.state.Login(t.Context(), login)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// Without Redis a job is woken all the same, and the record learns of it later.
func TestPushWithoutRedis(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	h.parked(t, "ann", event.Nightly, "request-ann")
	if _, err := h.state.Enrol(t.Context(), []state.Enrolment{{LoginID: "ann"}}, arrived); err != nil {
		t.Fatal(err)
	}
	h.redis.SetError("LOADING")
	h.run(t)
	h.push(t, "ann", "request-ann")
	if got := h.woken(t, event.Nightly); got != "ann request-ann" {
		t.Errorf("%s was woken", got)
	}
	h.redis.SetError("")
	h.settled(t)
	if got, err := h.state.Login(t.Context(), "ann"); err != nil || got.Success.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}
