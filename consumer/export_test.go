package consumer

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// Handle gives a message to a running worker, as if it had been pulled.
func Handle(ctx context.Context, w *Worker, msg jetstream.Msg) { w.handle(ctx, msg) }
