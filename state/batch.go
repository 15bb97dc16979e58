package state

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limits of a batch.
const (
	batchFlying  = 2               // batches on their way at once: a connection that hangs holds up half at most
	batchMost    = 500             // questions of one batch
	batchTimeout = 5 * time.Second // for Redis to answer a batch
)

// batch sends what many jobs ask of Redis at the same time in one go. Whoever
// asks alone waits for nobody: while batches are on their way, questions
// gather, and go together with the next one.
//
// go-redis has the like, but there a question outlives its context's deadline.
type batch struct {
	rdb redis.UniversalClient

	mu      sync.Mutex
	waiting []*question
	flying  int
}

// question is a command or some that are sent together.
type question struct {
	ctx   context.Context //nolint:containedctx // it is the asker's, who waits
	add   func(redis.Pipeliner)
	epoch bool             // its answer depends on what Redis may have forgotten
	since *redis.StringCmd // with epoch: since when Redis remembers
	sent  bool
	done  chan struct{} // closed when the commands have their answers
}

// do sends the commands that add adds, and returns when each has its answer or
// its error. With an error they have none, and neither they nor a variable that
// add writes may be touched: the context has ended first, a batch may be at
// work on them, and Redis may have carried them out or not.
func (b *batch) do(ctx context.Context, add func(redis.Pipeliner)) error {
	return b.ask(&question{ctx: ctx, add: add, done: make(chan struct{})})
}

func (b *batch) ask(q *question) error {
	ctx := q.ctx
	b.mu.Lock()
	b.waiting = append(b.waiting, q)
	if b.flying < batchFlying {
		b.flying++
		go b.fly()
	}
	b.mu.Unlock()
	select {
	case <-q.done:
		if q.sent {
			return nil
		}
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fly sends one batch after the other until nobody asks.
func (b *batch) fly() {
	for {
		b.mu.Lock()
		n := min(len(b.waiting), batchMost)
		all := b.waiting[:n:n]
		if b.waiting = b.waiting[n:]; len(b.waiting) == 0 {
			b.waiting = nil
		}
		if n == 0 {
			b.flying--
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		b.send(all)
	}
}

// send sends the questions whose askers still wait.
func (b *batch) send(all []*question) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	pipe := b.rdb.Pipeline()
	epoch := false
	for _, q := range all {
		if q.sent = q.ctx.Err() == nil; q.sent {
			q.add(pipe)
			epoch = epoch || q.epoch
		}
	}
	if epoch { // once for all, and last: what was lost before that, it shows
		since := pipe.Get(ctx, epochKey)
		for _, q := range all {
			q.since = since
		}
	}
	_, _ = pipe.Exec(ctx) // each command is asked for its own error
	for _, q := range all {
		close(q.done)
	}
}

// eval runs a script, by its digest, or by its text where Redis does not know
// it yet.
func (b *batch) eval(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	cmd, _ := b.run(ctx, false, script, keys, args)
	return cmd
}

// evalSince runs a script, and asks since when Redis remembers.
func (b *batch) evalSince(ctx context.Context, script *redis.Script, keys []string, args ...any) (*redis.Cmd, *redis.StringCmd) {
	return b.run(ctx, true, script, keys, args)
}

func (b *batch) run(ctx context.Context, epoch bool, script *redis.Script, keys []string, args []any) (*redis.Cmd, *redis.StringCmd) {
	var cmd *redis.Cmd
	q := &question{ctx: ctx, epoch: epoch, done: make(chan struct{})}
	q.add = func(p redis.Pipeliner) { cmd = script.EvalSha(ctx, p, keys, args...) }
	err := b.ask(q)
	if err == nil && cmd.Err() != nil && redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		q.done, q.add = make(chan struct{}), func(p redis.Pipeliner) { cmd = script.Eval(ctx, p, keys, args...) }
		err = b.ask(q)
	}
	if err != nil {
		unanswered := redis.NewCmd(ctx)
		unanswered.SetErr(err)
		return unanswered, nil
	}
	return cmd, q.since
}
