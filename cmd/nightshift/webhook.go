package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"nightshift/producer"
)

func newWebhookCommand(a *app) *cobra.Command {
	var s storeSettings
	var hook webhookSettings
	var metrics metricsSettings
	var logs logSettings
	var addr string
	cmd := &cobra.Command{
		Use:     "webhook",
		Short:   "Take in what Flinks pushes, and wake the jobs that wait for it",
		Long:    webhookLong,
		Example: webhookExample,
		GroupID: groupNight,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, log := cmd.Context(), a.logger(logs)
			if err := hook.complete(&s); err != nil {
				return err
			}
			st, err := s.open(ctx, log, true)
			if err == nil {
				defer st.Close()
				h := newHook(hook, &producer.Pushes{JS: st.JS, State: st.State, Log: log}, log)
				err = h.run(ctx, addr, &metrics)
			}
			if !stopped(ctx, err) {
				return err
			}
			return nil
		},
	}
	a.settings(cmd, &s, &hook, &metrics, &logs)
	explained(cmd.Flags(), &addr, "addr", ":8080", text(), "address to listen on; port 0 takes a free one")
	return cmd
}

const webhookLong = `Takes in Flinks' webhooks, and ends the waiting of a job as soon as its accounts are
there, instead of polling for them. Workers must know of it: start them with
--webhooks. Any number of replicas may share the work.

A push is believed when its signature is right: base64 of HMAC-SHA256 with
--webhook-secret over the body. Only a notice of it is kept, for two days: login,
session, kind and bank. The accounts in it are not: the worker that is woken
fetches them, as it does without webhooks. A push of accounts also tells the
login's record that its bank was read, so a login whose holder has reconnected
takes part in the next night.

Answers: 200 when the notice is safe in JetStream, sent before or not; 401 for a
wrong signature, 400 for no JSON, 405 for anything but POST, 413 above 16 MiB,
and 503 when it cannot be stored. Flinks sends a push ten times, 30 minutes apart,
until it is answered 200, and takes no other answer for good. A push that is lost
all the same costs --webhook-patience, after which the job polls.

Flinks wants HTTPS with a public certificate, and switches webhooks on at request
only; put a proxy that ends TLS in front, which leaves the body as it is.`

const webhookExample = `  export NIGHTSHIFT_NATS_URL=nats://nats:4222 NIGHTSHIFT_REDIS_URL=redis://redis:6379/0
  export NIGHTSHIFT_WEBHOOK_SECRET_FILE=/run/secrets/flinks-webhook
  nightshift webhook --addr :8080 &
  nightshift consume --webhooks

  Try it out by hand:
    body='{"ResponseType":"GetAccountsDetail","HttpStatusCode":200,"Login":{"Id":"LOGIN"},"RequestId":"REQUEST"}'
    sign=$(printf %s "$body" | openssl dgst -sha256 -hmac "$SECRET" -binary | base64)
    curl -i http://127.0.0.1:8080/flinks -H "flinks-authenticity-key: $sign" --data-binary "$body"`

// Times of the HTTP server. A body of the largest size takes no half minute on
// any line that a bank's data should travel on.
const (
	hookHeaderTimeout = 10 * time.Second
	hookReadTimeout   = 30 * time.Second
	hookIdleTimeout   = 2 * time.Minute
	hookGrace         = 10 * time.Second // for pushes that are coming in when the program is stopped
)

// run serves pushes and wakes jobs until ctx ends.
func (h *hook) run(ctx context.Context, addr string, metrics *metricsSettings) error {
	if err := metrics.serve(ctx, h.log, h.registry); err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: hookHeaderTimeout, ReadTimeout: hookReadTimeout, IdleTimeout: hookIdleTimeout,
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			cancel(err)
		}
	}()
	h.log.Info("taking in pushes", "url", "http://"+l.Addr().String()+h.path, "header", h.header)
	go h.report(ctx)
	err = h.pushes.Run(ctx)
	brief, done := context.WithTimeout(context.WithoutCancel(ctx), hookGrace)
	defer done()
	_ = srv.Shutdown(brief)
	<-served
	h.logStats("stopped")
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}
