package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// diagnosed is what doctor --json prints.
type diagnosed struct {
	OK     bool                `json:"ok"`
	Checks []diagnosedPart     `json:"checks"`
	Mended []map[string]string `json:"mended"`
}

type diagnosedPart struct {
	Name  string   `json:"name"`
	Found string   `json:"found"`
	Says  string   `json:"says"`
	Mend  []string `json:"mend"`
}

// part is one check by its name.
func (d diagnosed) part(t *testing.T, name string) diagnosedPart {
	t.Helper()
	for _, c := range d.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %q", name)
	return diagnosedPart{}
}

// found is the names of the parts that were found so.
func (d diagnosed) found(how string) (names []string) {
	for _, c := range d.Checks {
		if c.Found == how {
			names = append(names, c.Name)
		}
	}
	return names
}

// contents is all that the streams hold, and how they are set.
func contents(t *testing.T, js jetstream.JetStream) map[string]any {
	t.Helper()
	all := map[string]any{}
	streams := js.ListStreams(t.Context())
	for info := range streams.Info() {
		all[info.Config.Name] = []any{info.Config, info.State.Msgs, info.State.LastSeq, info.State.Consumers}
	}
	if err := streams.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// plainly takes out of an output what differs from run to run.
func plainly(text string) string {
	text = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "ADDRESS")
	return regexp.MustCompile(`\d+\.\d+\.\d+`).ReplaceAllString(text, "VERSION")
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	stores, js := servers(t)
	environ := b.environ(stores...)

	t.Run("looks without touching, and ends with 1 when something is broken", func(t *testing.T) {
		r := run(t, environ, "doctor")
		if r.Code != exitTrouble || r.Stderr != "" {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
		golden(t, "doctor-new.txt", plainly(r.Stdout))
		equal(t, map[string]any{}, contents(t, js))
	})
	t.Run("mends what is missing, and looks again", func(t *testing.T) {
		r := run(t, environ, "doctor", "--fix")
		if r.Code != exitOK || r.Stderr != "" {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
		_, after, _ := strings.Cut(plainly(r.Stdout), "\n\n")
		golden(t, "doctor-fix.txt", after)
	})
	t.Run("changes nothing that is well", func(t *testing.T) {
		before := contents(t, js)
		r := run(t, environ, "doctor", "--fix")
		if r.Code != exitOK || !strings.Contains(r.Stdout, "\nNothing is mended: there is no need.\n") {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
		equal(t, before, contents(t, js))
	})
	t.Run("a warning is no failure, and a setting is left alone", func(t *testing.T) {
		if _, err := js.Publish(t.Context(), event.DeadSubject(event.DeadMalformed), nil); err != nil {
			t.Fatal(err)
		}
		before := contents(t, js)
		r := run(t, environ, "doctor", "--fix", "--json")
		d := only[diagnosed](t, r.Stdout)
		if r.Code != exitOK || !d.OK || d.Mended != nil {
			t.Errorf("code %d: %+v", r.Code, d)
		}
		equal(t, []string{"dead letters"}, d.found("warning"))
		equal(t, diagnosedPart{"dead letters", "warning", "1 message was no valid job, and was put aside", []string{"nightshift dead list"}},
			d.part(t, "dead letters"))
		equal(t, before, contents(t, js))
	})
	t.Run("what is wrong and left to the operator is said to be so", func(t *testing.T) {
		r := run(t, environ, "doctor", "--fix", "--accounts-ttl", "1h")
		if r.Code != exitTrouble || !strings.Contains(r.Stdout, "\nNothing is mended: what is wrong is left to you, as the lines above say.\n") {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
	})
	t.Run("tells scripts what was mended", func(t *testing.T) {
		if err := js.DeleteStream(t.Context(), event.StreamDead); err != nil {
			t.Fatal(err)
		}
		r := run(t, environ, "doctor", "--fix", "--json")
		d := only[diagnosed](t, r.Stdout)
		if r.Code != exitOK || !d.OK {
			t.Errorf("code %d: %+v", r.Code, d)
		}
		equal(t, []map[string]string{{"name": "stream REFRESH_DEAD", "did": "created"}}, d.Mended)
		equal(t, "ok", d.part(t, "stream REFRESH_DEAD").Found)
	})
}

// A job that no worker would ever get is given back to workers at work, and
// ends once.
func TestDoctorRescuesAJob(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 2, Mix: flinkstest.Mix{Fresh: 1}})
	stores, js := servers(t)
	environ := b.environ(stores...)
	if r := run(t, environ, "produce", "--once", "--roster", b.roster(t)); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	orphaned := b.logins[0].ID
	finishOnly(t, js, b.logins[1].ID)
	start(t, environ, "", "consume").logs(`"msg":"working"`)

	r := run(t, environ, "doctor", "--fix", "--json")
	d := only[diagnosed](t, r.Stdout)
	equal(t, []map[string]string{{"name": "jobs orphaned", "did": "1 queued again"}}, d.Mended)
	equal(t, "none", d.part(t, "jobs orphaned").Says)
	followed := start(t, environ, "", "events", "--follow", "--json")
	followed.until(&followed.stdout, func(text string) bool { return strings.Contains(text, orphaned) })
	equal(t, map[string]string{orphaned: "refreshed"}, told(t, environ))
	equal(t, exitOK, run(t, environ, "doctor").Code)
}

// finishOnly acks the job of one login by way of a consumer that sees no
// other, and then takes the whole lane on: what was queued before is orphaned.
func finishOnly(t *testing.T, js jetstream.JetStream, login string) {
	t.Helper()
	cons, err := js.Consumer(t.Context(), event.StreamJobs, event.Nightly.Durable())
	if err != nil {
		t.Fatal(err)
	}
	cfg := cons.CachedInfo().Config
	watch := func(filter string) {
		t.Helper()
		cfg.FilterSubject = filter
		if cons, err = js.UpdateConsumer(t.Context(), event.StreamJobs, cfg); err != nil {
			t.Fatal(err)
		}
	}
	watch(event.ReadySubject(login, event.Nightly))
	msg, err := cons.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
	watch(event.Nightly.Filter())
}

// The credentials are tried and never shown; neither are those of the servers.
func TestDoctorShowsNoSecret(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	guarded := plainNATS(t, server.Options{Username: "user", Password: "another", JetStream: true, StoreDir: t.TempDir()})
	redis := miniredis.RunT(t)
	redis.RequireAuth("another")
	for _, password := range []string{"another", "hush"} { // The right ones, and wrong ones.
		environ := b.environ("NIGHTSHIFT_NATS_URL=nats://user:"+password+"@"+guarded, "NIGHTSHIFT_REDIS_URL=redis://:"+password+"@"+redis.Addr(),
			"NIGHTSHIFT_FLINKS_SECRET_KEY="+password)
		for _, flag := range []string{"--json", "--fix"} {
			r := run(t, environ, "doctor", flag)
			if r.Code != exitTrouble || strings.Contains(r.Stdout+r.Stderr, password) || r.Stderr != "" {
				t.Errorf("with %q: code %d: %s%s", password, r.Code, r.Stdout, r.Stderr)
			}
		}
		d := only[diagnosed](t, run(t, environ, "doctor", "--json").Stdout)
		if password == "another" {
			equal(t, []string{"flinks"}, d.found("broken"))
		} else {
			equal(t, []string{"nats", "redis", "flinks"}, d.found("broken"))
		}
	}
}

// Servers that take a connection and then say nothing keep nobody.
func TestDoctorOfServersThatHang(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	silent := silentAddr(t)
	begin := time.Now()
	r := run(t, b.environ("NIGHTSHIFT_NATS_URL=nats://"+silent, "NIGHTSHIFT_REDIS_URL=redis://"+silent), "doctor", "--json")
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	d := only[diagnosed](t, r.Stdout)
	if r.Code != exitTrouble || r.Stderr != "" || d.OK {
		t.Errorf("code %d: %s", r.Code, r.Stderr)
	}
	equal(t, []string{"nats", "redis"}, d.found("broken"))
	equal(t, []string{"flinks"}, d.found("ok"))
	equal(t, diagnosedPart{"redis", "broken", "redis://" + silent + ": no answer in time; workers make no calls, and jobs wait",
		[]string{"start the server, or correct --redis-url"}}, d.part(t, "redis"))
}

// silentAddr is where connections are taken and nothing is ever said.
func silentAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestDoctorOfEmbeddedServers(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	environ := []string{"NIGHTSHIFT_DATA=" + data}
	t.Run("nothing was ever stored there", func(t *testing.T) {
		equal(t, result{Code: exitUsage, Stderr: "nightshift: nothing was ever stored in " + data +
			": name the directory with --data, or the server with --nats-url\n"}, run(t, environ, "doctor"))
		missing(t, data)
	})
	if r := run(t, environ, "setup"); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	t.Run("they are started to be looked at", func(t *testing.T) {
		r := run(t, environ, "doctor", "--json")
		d := only[diagnosed](t, r.Stdout)
		if r.Code != exitOK || len(d.found("broken"))+len(d.found("warning")) > 0 {
			t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
		equal(t, "the embedded server in "+filepath.Join(data, "nats")+" answers", d.part(t, "nats").Says)
		equal(t, diagnosedPart{"redis", "skipped", "the embedded server in " + filepath.Join(data, "redis") + ": it was never used in this data directory", nil},
			d.part(t, "redis"))
		missing(t, filepath.Join(data, "redis"))
	})
	t.Run("Redis, too, once it was used", func(t *testing.T) {
		if err := os.Mkdir(filepath.Join(data, "redis"), 0o700); err != nil {
			t.Fatal(err)
		}
		d := only[diagnosed](t, run(t, environ, "doctor", "--json").Stdout)
		equal(t, "every change goes to an append-only file", d.part(t, "redis persistence").Says)
		equal(t, []string{"flinks"}, d.found("skipped"))
	})
	t.Run("while somebody uses them nobody else can look", func(t *testing.T) {
		lock := &stores{}
		if err := lock.lock(&storeSettings{Data: data}); err != nil {
			t.Fatal(err)
		}
		defer lock.Close()
		r := run(t, environ, "doctor", "--json")
		d := only[diagnosed](t, r.Stdout)
		equal(t, exitTrouble, r.Code)
		equal(t, []string{"nats", "redis"}, d.found("broken"))
		if says := d.part(t, "nats").Says; !strings.Contains(says, "the data directory "+data+" is in use by another process (pid ") {
			t.Errorf("got %q", says)
		}
	})
}

// Whoever has NATS and no common Redis is warned.
func TestDoctorWithoutACommonRedis(t *testing.T) {
	t.Parallel()
	stores, _ := servers(t)
	run(t, stores, "setup")
	r := run(t, append(stores[:1:1], "NIGHTSHIFT_DATA="+t.TempDir()), "doctor", "--json")
	d := only[diagnosed](t, r.Stdout)
	equal(t, exitOK, r.Code)
	equal(t, []string{"redis"}, d.found("warning"))
}

// Ctrl-C ends it, and what was not looked at is not called broken.
func TestDoctorIsStopped(t *testing.T) {
	t.Parallel()
	c := start(t, []string{"NIGHTSHIFT_NATS_URL=nats://" + silentAddr(t), "NIGHTSHIFT_REDIS_URL=redis://" + silentAddr(t)}, "", "doctor")
	c.until(&c.stdout, func(text string) bool { return strings.Contains(text, "dead letters") })
	r := c.stop()
	if r.Code != exitTrouble || r.Stderr != "nightshift: stopped\n" || strings.Count(r.Stdout, "broken") != 1 {
		t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
}
