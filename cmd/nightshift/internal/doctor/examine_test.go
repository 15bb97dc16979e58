package doctor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"nightshift/cmd/nightshift/internal/local"
	"nightshift/producer/event"
)

// every is the names of all checks, in their order.
var every = []string{
	"nats", "nats version", "jetstream", "jetstream storage",
	"stream REFRESH_JOBS", "stream REFRESH_OUTCOMES", "stream REFRESH_LIVE", "stream REFRESH_PUSHES", "stream REFRESH_DEAD", "stream REFRESH_ACCOUNTS",
	"consumer nightly", "consumer ondemand", "consumer pushes", "object store refresh-accounts",
	"replicas", "jobs nightly", "jobs ondemand", "jobs orphaned", "jobs parked", "dead letters",
	"redis", "redis version", "redis role", "redis persistence", "redis eviction", "redis memory",
	"pause", "sequences", "clock of nats", "clock of redis", "flinks",
}

// withRedis is the names of the checks that need a Redis that answers.
var withRedis = []string{
	"redis version", "redis role", "redis persistence", "redis eviction", "redis memory", "pause", "sequences", "clock of redis",
}

// healthy is a patient whom nothing ails.
func healthy(t *testing.T) *Patient {
	t.Helper()
	p := onlyNATS(t)
	addr, _ := redisServer(t)
	p.open(t, addr)
	p.Flinks = client(t, "right")
	return p
}

// found is how each part was found, in order.
func found(checks []Check) (names []string, how map[Found][]string) {
	how = map[Found][]string{}
	for _, c := range checks {
		names = append(names, c.Name)
		how[c.Found] = append(how[c.Found], c.Name)
	}
	return names, how
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	p := healthy(t)
	publish(t, p.JS, "a")
	take(t, p.JS)
	before := dump(t, p.JS)
	checks := Examine(t.Context(), p, func(Check) {})
	names, how := found(checks)
	t.Run("every part is well", func(t *testing.T) {
		equal(t, every, names)
		equal(t, map[Found][]string{OK: every}, how)
	})
	t.Run("and nothing has to be mended", func(t *testing.T) {
		for _, c := range checks {
			if c.Mend != nil || c.fix != nil {
				t.Errorf("%+v", c)
			}
		}
		equal(t, []Mended(nil), Mend(t.Context(), checks, func(Mended) {}))
	})
	t.Run("to look has changed nothing", func(t *testing.T) {
		equal(t, before, dump(t, p.JS))
		if since, err := p.State.Since(t.Context()); err != nil || !since.IsZero() {
			t.Errorf("Redis remembers since %v, %v", since, err)
		}
	})
}

// What is down is broken, what needs it is skipped, and the rest is looked at.
func TestDown(t *testing.T) {
	t.Parallel()
	t.Run("NATS", func(t *testing.T) {
		t.Parallel()
		p, _ := onlyRedis(t)
		p.Flinks = client(t, "right")
		names, how := found(Examine(t.Context(), p, func(Check) {}))
		equal(t, every, names)
		equal(t, map[Found][]string{
			Broken:  {"nats"},
			Skipped: slices.Concat(every[1:20], []string{"sequences", "clock of nats"}),
			OK:      slices.Concat(every[20:27], []string{"clock of redis", "flinks"}),
		}, how)
	})
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		p := onlyNATS(t)
		p.Redis.Err = errors.New("gone")
		names, how := found(Examine(t.Context(), p, func(Check) {}))
		equal(t, every, names)
		equal(t, map[Found][]string{
			Broken:  {"redis"},
			Skipped: slices.Concat(withRedis, []string{"flinks"}),
			OK:      slices.Concat(every[:20], []string{"clock of nats"}),
		}, how)
	})
	t.Run("JetStream", func(t *testing.T) {
		t.Parallel()
		p := &Patient{Redis: Server{Err: errors.New("gone")}}
		p.connect(t, startNATS(t, &server.Options{}).ClientURL())
		names, how := found(Examine(t.Context(), p, func(Check) {}))
		equal(t, every, names)
		equal(t, map[Found][]string{
			Broken:  {"jetstream", "redis"},
			Skipped: slices.Concat(every[3:20], withRedis[:7], []string{"clock of nats", "clock of redis", "flinks"}),
			OK:      {"nats", "nats version"},
		}, how)
	})
	t.Run("everything, within the patience for each", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		p := &Patient{NATS: Server{Err: nats.ErrNoServers}, Redis: Server{Err: local.ErrLocked}}
		names, how := found(Examine(ctx, p, func(Check) {}))
		equal(t, every, names)
		equal(t, []string{"nats", "redis"}, how[Broken])
		equal(t, []string(nil), how[OK])
	})
}

// A server that answers no request keeps nobody.
func TestFrozenNATS(t *testing.T) {
	t.Parallel()
	p := &Patient{Redis: Server{Err: ErrUnused}}
	srv := startNATS(t, &server.Options{})
	p.connect(t, srv.ClientURL())
	sub, err := p.Conn.Subscribe("$JS.API.>", func(*nats.Msg) {}) // Takes every request, and answers none.
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	begin := time.Now()
	all := examine(t, p)
	if took := time.Since(begin); took > 2*patience {
		t.Errorf("it took %s", took)
	}
	equal(t, Check{
		Name: "jetstream", Found: Broken, Says: "it does not answer: no answer in time",
		Mend: []string{"look at the server's log; the account must be allowed to use the subjects $JS.API.>"},
	}, all["jetstream"])
}

func TestMend(t *testing.T) {
	t.Parallel()
	t.Run("missing parts are created, also beside one that differs", func(t *testing.T) {
		t.Parallel()
		p := onlyNATS(t)
		p.Redis.Err = ErrUnused
		p.Setup.AccountsTTL = time.Hour // It has 72.
		for _, stream := range []string{event.StreamJobs, event.StreamDead} {
			if err := p.JS.DeleteStream(t.Context(), stream); err != nil {
				t.Fatal(err)
			}
		}
		checks := Examine(t.Context(), p, func(Check) {})
		var told []Mended
		mended := Mend(t.Context(), checks, func(m Mended) { told = append(told, m) })
		equal(t, []Mended{
			{Name: "stream REFRESH_JOBS", Did: "created"}, {Name: "stream REFRESH_DEAD", Did: "created"},
			{Name: "consumer nightly", Did: "created"}, {Name: "consumer ondemand", Did: "created"},
		}, mended)
		equal(t, mended, told)
		_, how := found(Examine(t.Context(), p, func(Check) {}))
		equal(t, []string{"stream REFRESH_ACCOUNTS", "object store refresh-accounts"}, how[Broken])
	})
	t.Run("orphans are queued again", func(t *testing.T) {
		t.Parallel()
		p := onlyNATS(t)
		p.Redis.Err = ErrUnused
		orphan(t, p.JS)
		park(t, p.JS, "c")
		checks := Examine(t.Context(), p, func(Check) {})
		i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == "jobs orphaned" })
		equal(t, Check{
			Name: "jobs orphaned", Found: Broken,
			Says: "1 job behind what is held for done: no worker gets them, and their logins get no others in that lane",
			Mend: []string{"nightshift doctor --fix"},
		}, checks[i])
		equal(t, Check{Name: "jobs parked", Found: OK, Says: "1 job"}, checks[i+1])
		equal(t, []Mended{{Name: "jobs orphaned", Did: "1 queued again"}}, Mend(t.Context(), checks, func(Mended) {}))
		equal(t, Check{Name: "jobs orphaned", Found: OK, Says: "none"}, examine(t, p)["jobs orphaned"])
		if subject := take(t, p.JS).Subject(); subject != event.ReadySubject("a", event.Nightly) {
			t.Errorf("got %s", subject)
		}
	})
	t.Run("what cannot be mended says why", func(t *testing.T) {
		t.Parallel()
		p := onlyNATS(t)
		p.Redis.Err = ErrUnused
		orphan(t, p.JS)
		if err := p.JS.DeleteStream(t.Context(), event.StreamOutcomes); err != nil {
			t.Fatal(err)
		}
		checks := Examine(t.Context(), p, func(Check) {})
		i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == "jobs orphaned" })
		equal(t, []Mended{{
			Name: "jobs orphaned",
			Err:  "producer: rescue the job on refresh.job.a.nightly.ready, sequence 1: nats: API error: code=404 err_code=10059 description=stream not found",
		}}, Mend(t.Context(), checks[i:i+1], func(Mended) {}))
	})
}

// A job that is being finished while the doctor looks is no orphan. The second
// request of the first look tells that the first has brought the message.
func TestNoOrphansWhileWorkersWork(t *testing.T) {
	t.Parallel()
	p := onlyNATS(t)
	orphan(t, p.JS)
	gone := make(chan error, 1)
	requests := 0
	sub, err := p.Conn.Subscribe("$JS.API.DIRECT.GET."+event.StreamJobs, func(*nats.Msg) {
		if requests++; requests == 2 {
			gone <- finish(t, p, 1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	v := &visit{Patient: p}
	ctx, cancel := context.WithTimeout(t.Context(), patienceAll)
	defer cancel()
	equal(t, []Check{{Name: "jobs orphaned", Found: OK, Says: "none"}}, v.orphans(ctx))
	select {
	case err := <-gone:
		if err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("the message was not found the first time")
	}
}

// finish removes a message as the server does when it was acked.
func finish(t *testing.T, p *Patient, sequence uint64) error {
	stream, err := p.JS.Stream(t.Context(), event.StreamJobs)
	if err != nil {
		return err
	}
	return stream.DeleteMsg(t.Context(), sequence)
}
