package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// A worker that is there before its servers waits for each of them, says for
// which one, and says when the wait is over.
func TestConsumeWaits(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 3, Mix: flinkstest.Mix{Fresh: 1}})
	natsAddr, redisAddr, flinksAddr := laterAddr(t), laterAddr(t), laterAddr(t)
	environ := b.environ("NIGHTSHIFT_NATS_URL=nats://"+natsAddr, "NIGHTSHIFT_REDIS_URL=redis://:hush@"+redisAddr,
		"NIGHTSHIFT_FLINKS_URL=http://"+flinksAddr)
	c := start(t, environ, "", "consume")

	c.logs("NATS at nats://" + natsAddr + " is unreachable; trying again until it answers")
	natsServer(t, natsAddr)
	c.logs("NATS at nats://"+natsAddr+" has recovered", "Redis at redis://:xxxxx@"+redisAddr+" is unreachable; trying again until it answers")
	redis := miniredis.NewMiniRedis()
	redis.RequireAuth("hush")
	if err := redis.StartAddr(redisAddr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	c.logs("Redis at redis://:xxxxx@"+redisAddr+" has recovered", "Flinks at http://"+flinksAddr+" is unreachable; trying again until it answers")
	srv, _, err := serveSimulator(flinksAddr, b.sim)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	c.logs("Flinks at http://"+flinksAddr+" has recovered", `"msg":"working"`)

	if r := run(t, environ, "produce", "--once", "--roster", b.roster(t)); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}
	followed := start(t, environ, "", "events", "--follow")
	followed.until(&followed.stdout, func(text string) bool { return strings.Count(text, "\n") == 3 })

	r := c.stop()
	if r.Code != exitOK || r.Stdout != "" || strings.Contains(r.Stderr, "hush") {
		t.Errorf("a worker that is told to stop ends with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	lines := logLines(t, r.Stderr)
	last := lines[len(lines)-1]
	for _, key := range []string{"time", "level", "live_calls", "repeats", "dead", "parked", "calls"} {
		delete(last, key)
	}
	equal(t, map[string]any{"msg": "stopped", "in_hand": 0.0, "outcomes": 3.0}, last)
	equal(t, result{Stdout: followed.stdout.String(), Stderr: followed.stderr.String()}, followed.stop())
}

// Stopping is no failure, wherever the worker has got to.
func TestConsumeStoppedWhileItWaits(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	stores, _ := servers(t)
	for rule, environ := range map[string][]string{
		"for NATS":   b.environ(append(stores, "NIGHTSHIFT_NATS_URL=nats://"+laterAddr(t))...),
		"for Redis":  b.environ(append(stores, "NIGHTSHIFT_REDIS_URL=redis://"+laterAddr(t))...),
		"for Flinks": b.environ(append(stores, "NIGHTSHIFT_FLINKS_URL=http://"+laterAddr(t))...),
	} {
		t.Run(rule, func(t *testing.T) {
			c := start(t, environ, "", "consume", "--log-format", "text")
			c.logs("is unreachable; trying again until it answers")
			if r := c.stop(); r.Code != exitOK || r.Stdout != "" || !strings.Contains(r.Stderr, " WRN ") {
				t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
			}
		})
	}
}

func TestConsumeWithAWrongSecret(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{Logins: 4, Mix: flinkstest.Mix{Fresh: 1}})
	stores, js := servers(t)
	environ := b.environ(stores...)
	if r := run(t, environ, "produce", "--once", "--roster", b.roster(t)); r.Code != exitOK {
		t.Fatal(r.Stderr)
	}

	t.Run("it says so and pulls nothing", func(t *testing.T) {
		b.sim.RefuseSecret(true)
		c := start(t, environ, "", "consume", "--metrics-addr", "127.0.0.1:0")
		c.logs("pulling is paused on all replicas, jobs stay untouched",
			"Flinks refuses our credentials: check --flinks-secret-key, --flinks-api-key and --flinks-customer-id", "UNAUTHORIZED")
		await(t, func() bool { return scrape(t, c, `nightshift_paused{cause="flinks_refuses"}`) == "1" })
		if r := c.stop(); r.Code != exitOK {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
		equal(t, lane{Waiting: 4}, laneOf(t, js))
	})

	t.Run("once the secret is good the jobs are done", func(t *testing.T) {
		b.sim.RefuseSecret(false)
		c := start(t, environ, "", "consume", "--concurrency", "1")
		followed := start(t, environ, "", "events", "--follow")
		followed.until(&followed.stdout, func(text string) bool { return strings.Count(text, "\n") == 4 })
		if r := c.stop(); r.Code != exitOK {
			t.Errorf("code %d: %s", r.Code, r.Stderr)
		}
		equal(t, b.deserved(), told(t, environ))
	})

	t.Run("a setting that no request can be made of ends it", func(t *testing.T) {
		equal(t, result{Code: exitUsage, Stderr: "nightshift: flinks: GenerateAuthorizeToken: not sent, bad settings: BaseURL: " +
			"it must hold no user, query or fragment\n"}, run(t, environ, "consume", "--flinks-url", b.url+"/?x=y"))
	})
}

// scrape reads one metric of a command that serves them.
func scrape(t *testing.T, c *command, name string) string {
	t.Helper()
	c.logs("serving metrics")
	_, rest, _ := strings.Cut(c.stderr.String(), `"url":"`)
	for {
		url, more, _ := strings.Cut(rest, `"`)
		if strings.HasSuffix(url, "/metrics") {
			resp, err := http.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if value, ok := strings.CutPrefix(line, name+" "); ok {
					return strings.TrimSpace(value)
				}
			}
			return ""
		}
		if _, rest, _ = strings.Cut(more, `"url":"`); rest == "" {
			t.Fatal("no address of the metrics is logged")
		}
	}
}

// lane is what the nightly consumer has handed out.
type lane struct {
	Waiting   uint64
	Delivered uint64
}

func laneOf(t *testing.T, js jetstream.JetStream) lane {
	t.Helper()
	c, err := js.Consumer(t.Context(), event.StreamJobs, event.Nightly.Durable())
	if err != nil {
		t.Fatal(err)
	}
	info := c.CachedInfo()
	return lane{messages(t, js, event.StreamJobs), info.Delivered.Consumer}
}

func TestAwaitFlinks(t *testing.T) {
	bubble := func(t *testing.T, test func(t *testing.T, sim *flinkstest.Server, c *flinks.Client, log *slog.Logger, told func() []string)) {
		synctest.Test(t, func(t *testing.T) {
			sim, client := flinkstest.Start(t, flinkstest.Options{SecretKey: testSecret})
			c := &flinks.Client{BaseURL: flinkstest.BaseURL, CustomerID: flinkstest.DefaultCustomerID, SecretKey: testSecret, HTTP: client}
			var out bytes.Buffer
			log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: onlyMessage}))
			test(t, sim, c, log, func() []string { return strings.Split(strings.TrimSpace(out.String()), "\n") })
		})
	}

	t.Run("no answer is told once, whatever the waits", func(t *testing.T) {
		bubble(t, func(t *testing.T, sim *flinkstest.Server, c *flinks.Client, log *slog.Logger, told func() []string) {
			sim.SetFaults(flinkstest.Faults{HTML: 1})
			time.AfterFunc(10*time.Minute, func() { sim.SetFaults(flinkstest.Faults{}) })
			if err := awaitFlinks(t.Context(), log, c, nil); err != nil {
				t.Fatal(err)
			}
			equal(t, []string{
				`msg="Flinks at ` + flinkstest.BaseURL + ` is unreachable; trying again until it answers"`,
				`msg="Flinks at ` + flinkstest.BaseURL + ` has recovered"`,
			}, told())
		})
	})

	t.Run("the end of the context ends it at once", func(t *testing.T) {
		bubble(t, func(t *testing.T, sim *flinkstest.Server, c *flinks.Client, log *slog.Logger, _ func() []string) {
			sim.SetFaults(flinkstest.Faults{Hang: 1})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			if err := awaitFlinks(ctx, log, c, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
				t.Errorf("got %v after %v", err, time.Since(begin))
			}
		})
	})

	t.Run("an HTTP client that fails is no refusal", func(t *testing.T) {
		bubble(t, func(t *testing.T, _ *flinkstest.Server, c *flinks.Client, log *slog.Logger, told func() []string) {
			c.HTTP = &http.Client{Transport: failing{}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := awaitFlinks(ctx, log, c, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			equal(t, []string{`msg="Flinks at ` + flinkstest.BaseURL + ` is unreachable; trying again until it answers"`}, told())
		})
	})
}

// failing is a transport without a network.
type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// onlyMessage leaves a log line's message.
func onlyMessage(_ []string, a slog.Attr) slog.Attr {
	if a.Key != slog.MessageKey {
		return slog.Attr{}
	}
	return a
}
