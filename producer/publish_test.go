package producer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"nightshift/producer"
	"nightshift/producer/event"
)

// publish must succeed.
func publish(t testing.TB, js jetstream.JetStream, list iter.Seq2[event.Job, error]) producer.Tally {
	t.Helper()
	tally, err := producer.Publisher{JS: js}.Publish(t.Context(), list, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

func publishOne(t testing.TB, js jetstream.JetStream, p producer.Plan, loginID string) {
	t.Helper()
	if got := publish(t, js, jobs(p, loginID)); got != (producer.Tally{Queued: 1}) {
		t.Fatalf("job of %s: %+v", loginID, got)
	}
}

// logins are n loginIds.
func logins(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("login-%05d", i)
	}
	return ids
}

// onceEach is what the stream holds when every login has one job that is ready.
func onceEach(loginIDs []string) map[string]uint64 {
	want := map[string]uint64{}
	for _, id := range loginIDs {
		want[event.ReadySubject(id, event.Nightly)] = 1
	}
	return want
}

func TestPublishQueuesEachLoginOnce(t *testing.T) {
	t.Parallel()
	js, ids := newNight(t), logins(3000)
	for round, want := range []producer.Tally{{Queued: 3000}, {Already: 3000}} {
		var reported []string
		tally, err := producer.Publisher{JS: js}.Publish(t.Context(), jobs(tonight, ids...), func(p producer.Published) {
			if p.Already != (round == 1) {
				t.Errorf("round %d: already is %v", round, p.Already)
			}
			reported = append(reported, p.Job.LoginID)
		})
		if err != nil || tally != want {
			t.Errorf("round %d: got %+v, %v; want %+v", round, tally, err, want)
		}
		if diff := cmp.Diff(ids, reported); diff != "" {
			t.Errorf("round %d: reported out of order (-want +got):\n%s", round, diff)
		}
		if diff := cmp.Diff(onceEach(ids), subjects(t, js)); diff != "" {
			t.Errorf("round %d: %s", round, diff)
		}
	}
}

func TestPublishOfALoginThatTheListHasTwice(t *testing.T) {
	if got := publish(t, newNight(t), jobs(tonight, "a", "a", "a")); got != (producer.Tally{Queued: 1, Already: 2}) {
		t.Errorf("%+v", got)
	}
}

func TestPublishersRace(t *testing.T) {
	t.Parallel()
	js, ids := newNight(t), logins(500)
	race(t, ids, js, js, js, js)
	if diff := cmp.Diff(onceEach(ids), subjects(t, js)); diff != "" {
		t.Error(diff)
	}
}

// race lets as many publishers as there are connections publish the same
// logins, each under a cycle of its own, so that nothing but the server's
// check keeps them apart.
func race(t *testing.T, ids []string, conns ...jetstream.JetStream) {
	t.Helper()
	var queued, already atomic.Int64
	var all sync.WaitGroup
	for i, js := range conns {
		all.Go(func() {
			plan := tonight
			plan.Cycle = fmt.Sprintf("2026-11-22-r%d", i+1)
			tally, err := producer.Publisher{JS: js}.Publish(t.Context(), jobs(plan, ids...), nil)
			if err != nil {
				t.Error(err)
			}
			queued.Add(int64(tally.Queued))
			already.Add(int64(tally.Already))
		})
	}
	all.Wait()
	if n := int64(len(ids)); queued.Load() != n || already.Load() != n*int64(len(conns)-1) {
		t.Errorf("%d queued, %d already", queued.Load(), already.Load())
	}
}

func TestPublishSeesTheJobThatALoginHas(t *testing.T) {
	js := newNight(t)
	next := tonight
	next.Cycle = "2026-11-23"
	again := func(t *testing.T, p producer.Plan, want producer.Tally) {
		t.Helper()
		if got := publish(t, js, jobs(p, "a")); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	publishOne(t, js, tonight, "a")
	t.Run("ready", func(t *testing.T) { again(t, next, producer.Tally{Already: 1}) })
	msg := take(t, js, event.Nightly)
	t.Run("in a worker's hands", func(t *testing.T) { again(t, next, producer.Tally{Already: 1}) })
	park(t, js, msg)
	t.Run("parked", func(t *testing.T) {
		if diff := cmp.Diff(map[string]uint64{"refresh.job.a.nightly.retry": 1}, subjects(t, js)); diff != "" {
			t.Fatal(diff)
		}
		again(t, next, producer.Tally{Already: 1})
	})
	s, err := js.Stream(t.Context(), event.StreamJobs)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run("done a moment ago, in the same cycle", func(t *testing.T) { again(t, tonight, producer.Tally{Already: 1}) })
	t.Run("not any more", func(t *testing.T) { again(t, next, producer.Tally{Queued: 1}) })
}

func TestPublishLanesAreIndependent(t *testing.T) {
	js := newNight(t)
	publishOne(t, js, tonight, "a")
	urgent := producer.Plan{Cycle: producer.OnDemandCycle(), Lane: event.OnDemand, Mode: event.Live}
	publishOne(t, js, urgent, "a")
	want := map[string]uint64{"refresh.job.a.nightly.ready": 1, "refresh.job.a.ondemand.ready": 1}
	if diff := cmp.Diff(want, subjects(t, js)); diff != "" {
		t.Error(diff)
	}
}

func TestPublishLoginsWhoseNamesBeginAlike(t *testing.T) {
	if got := publish(t, newNight(t), jobs(tonight, "a", "ab", "a-", "A")); got != (producer.Tally{Queued: 4}) {
		t.Errorf("%+v", got)
	}
}

// forEver is a list without end.
func forEver(yield func(event.Job, error) bool) {
	for i := 0; ; i++ {
		if !yield(tonight.Job(producer.Entry{LoginID: fmt.Sprint("login-", i)}, time.Now()), nil) {
			return
		}
	}
}

func TestPublishEnds(t *testing.T) {
	t.Run("when the stream is missing, and says so", func(t *testing.T) {
		begin := time.Now()
		tally, err := producer.Publisher{JS: newJetStream(t)}.Publish(t.Context(), forEver, nil)
		if !errors.Is(err, jetstream.ErrStreamNotFound) || !strings.Contains(err.Error(), event.StreamJobs) || tally != (producer.Tally{}) {
			t.Errorf("got %+v, %v", tally, err)
		}
		if strings.Count(err.Error(), "producer:") != 1 {
			t.Errorf("the error says it twice: %v", err)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	t.Run("when the connection is closed", func(t *testing.T) {
		js := newNight(t)
		js.Conn().Close()
		if _, err := (producer.Publisher{JS: js}).Publish(t.Context(), forEver, nil); !errors.Is(err, nats.ErrConnectionClosed) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("when ctx does, midway", func(t *testing.T) {
		js := newNight(t)
		publishOne(t, js, tonight, "first") // The client begins to listen for answers.
		here := goleak.IgnoreCurrent()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var at time.Time
		n := 0
		tally, err := producer.Publisher{JS: js}.Publish(ctx, forEver, func(producer.Published) {
			if n++; n == 100 {
				cancel()
				at = time.Now()
			}
		})
		if !errors.Is(err, context.Canceled) || tally.Queued != n {
			t.Errorf("got %+v, %v; %d were reported", tally, err, n)
		}
		if took := time.Since(at); took > 2*time.Second {
			t.Errorf("it took %v to end", took)
		}
		goleak.VerifyNone(t, here)
	})
	t.Run("before it begins, when ctx has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if tally, err := (producer.Publisher{JS: newNight(t)}).Publish(ctx, forEver, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %+v, %v", tally, err)
		}
	})
}

func TestPublishOfABrokenListStoresAndCountsWhatCameBefore(t *testing.T) {
	fault := errors.New("disk on fire")
	bad := tonight
	bad.Cycle = "tonight"
	for _, test := range []struct {
		rule string
		last func(yield func(event.Job, error) bool) bool
		want string
	}{
		{"a list that cannot be read", func(yield func(event.Job, error) bool) bool { return yield(event.Job{}, fault) }, "disk on fire"},
		{"a job that breaks a rule", func(yield func(event.Job, error) bool) bool {
			return yield(bad.Job(producer.Entry{LoginID: "b"}, time.Now()), nil)
		}, `producer: job of b: bad cycle "tonight"`},
		{"a login that would be a wildcard", func(yield func(event.Job, error) bool) bool {
			return yield(tonight.Job(producer.Entry{LoginID: "*"}, time.Now()), nil)
		}, `producer: job of *: bad loginId "*"`},
	} {
		t.Run(test.rule, func(t *testing.T) {
			js, ids := newNight(t), logins(300)
			reported := 0
			tally, err := producer.Publisher{JS: js}.Publish(t.Context(), func(yield func(event.Job, error) bool) {
				for j := range jobs(tonight, ids...) {
					if !yield(j, nil) {
						return
					}
				}
				if test.last(yield) {
					t.Error("it goes on")
				}
			}, func(producer.Published) { reported++ })
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "context") {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if tally != (producer.Tally{Queued: 300}) || reported != 300 {
				t.Errorf("got %+v, %d reported", tally, reported)
			}
			if diff := cmp.Diff(onceEach(ids), subjects(t, js)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPublishOutlivesARestartOfTheServer(t *testing.T) {
	t.Parallel()
	r, ids := newRestartable(t), logins(5000)
	var reported []string
	tally, err := producer.Publisher{JS: r.js}.Publish(t.Context(), jobs(tonight, ids...), func(p producer.Published) {
		reported = append(reported, p.Job.LoginID)
		switch len(reported) {
		case 500, 3000:
			r.down()
			r.up()
		}
	})
	// A job that was stored just when the server went counts as already there.
	if err != nil || tally.Queued+tally.Already != len(ids) || tally.Queued < 1000 {
		t.Errorf("got %+v, %v", tally, err)
	}
	if diff := cmp.Diff(ids, reported); diff != "" {
		t.Errorf("reported out of order (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(onceEach(ids), subjects(t, r.js)); diff != "" {
		t.Error(diff)
	}
}

// plain is a server without JetStream: a test answers in its place.
func plain(t testing.TB) jetstream.JetStream {
	srv := start(t, &server.Options{DontListen: true})
	return connect(t, "", nats.InProcessServer(srv))
}

const (
	silence   = ""
	stored    = `{"stream":"REFRESH_JOBS","seq":1}`
	duplicate = `{"stream":"REFRESH_JOBS","seq":1,"duplicate":true}`
)

func refused(code, errCode int) string {
	return fmt.Sprintf(`{"error":{"code":%d,"err_code":%d,"description":"as the script says"}}`, code, errCode)
}

// answers gives the script's answers to one publication after the other, and
// the last one to all the rest. It returns how many there were.
func answers(t testing.TB, js jetstream.JetStream, script []string) func() int {
	t.Helper()
	var mu sync.Mutex
	n := 0
	sub, err := js.Conn().Subscribe(event.SubjectsJobs, func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		a := script[min(n, len(script)-1)]
		n++
		if a != silence {
			_ = m.Respond([]byte(a))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func TestPublishUnderstandsTheServersAnswers(t *testing.T) {
	queued, already := producer.Tally{Queued: 1}, producer.Tally{Already: 1}
	for _, test := range []struct {
		rule   string
		script []string
		want   producer.Tally
		err    string
		asked  int
	}{
		{"stored", []string{stored}, queued, "", 1},
		{"duplicate: the server had it", []string{duplicate}, already, "", 1},
		{"wrong last sequence: the login has a job", []string{refused(400, 10071)}, already, "", 1},
		{"the same, in a cluster", []string{refused(400, 10164)}, already, "", 1},
		{"silence: asked again", []string{silence, stored}, queued, "", 2},
		{"silence, but it was stored", []string{silence, refused(400, 10071)}, already, "", 2},
		{"long silence", []string{silence, silence, silence, duplicate}, already, "", 4},
		{"one like it is being stored: asked again", []string{refused(409, 10158), refused(409, 10158), stored}, queued, "", 3},
		{"no leader for a while: asked again", []string{refused(503, 10008), refused(503, 10008), refused(503, 10008), stored}, queued, "", 4},
		{"what is no answer: asked again", []string{"{", "{}", stored}, queued, "", 3},
		{"refused for good: asked twice and no more", []string{refused(400, 10060)}, producer.Tally{}, "as the script says", 2},
		{"never an answer: given up after a minute", []string{silence}, producer.Tally{}, "deadline exceeded", 0},
	} {
		t.Run(test.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				js := plain(t)
				asked := answers(t, js, test.script)
				begin := time.Now()
				got, err := producer.Publisher{JS: js}.Publish(t.Context(), jobs(tonight, "a"), nil)
				if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %+v, %v; want %+v, %q", got, err, test.want, test.err)
				}
				if n := asked(); test.asked > 0 && n != test.asked {
					t.Errorf("asked %d times, want %d", n, test.asked)
				}
				if took := time.Since(begin); took > 90*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func BenchmarkPublish(b *testing.B) {
	const n = 20_000
	ids := logins(n)
	js := newNight(b)
	s, err := js.Stream(b.Context(), event.StreamJobs)
	if err != nil {
		b.Fatal(err)
	}
	round := 0
	for b.Loop() {
		plan := tonight
		plan.Cycle = fmt.Sprintf("2026-11-22-r%d", round+1)
		round++
		if tally := publish(b, js, jobs(plan, ids...)); tally.Queued != n {
			b.Fatalf("%+v", tally)
		}
		b.StopTimer()
		if err := s.Purge(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "jobs/s")
}
