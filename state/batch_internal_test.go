package state

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// pipes counts the pipelines that are sent and holds them up.
type pipes struct {
	sent chan int // commands of each
	open chan struct{}
}

func (p pipes) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}
func (p pipes) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (p pipes) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		p.sent <- len(cmds)
		<-p.open
		return next(ctx, cmds)
	}
}

func batchRig(t *testing.T) (*batch, pipes) {
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), DisableIdentity: true, Protocol: 2})
	t.Cleanup(func() { rdb.Close() })
	if err := rdb.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	p := pipes{make(chan int), make(chan struct{})}
	rdb.AddHook(p)
	return &batch{rdb: rdb}, p
}

// queued waits until n questions wait to be sent.
func (b *batch) queued(n int) {
	for {
		b.mu.Lock()
		now := len(b.waiting)
		b.mu.Unlock()
		if now == n {
			return
		}
	}
}

func TestBatch(t *testing.T) {
	t.Run("what is asked while batches are on their way goes together with the next", func(t *testing.T) {
		b, p := batchRig(t)
		var wg sync.WaitGroup
		ask := func() {
			var cmd *redis.IntCmd
			if err := b.do(t.Context(), func(pipe redis.Pipeliner) { cmd = pipe.Incr(t.Context(), "n") }); err != nil || cmd.Err() != nil {
				t.Error(err, cmd.Err())
			}
		}
		for range batchFlying {
			wg.Go(ask)
			if n := <-p.sent; n != 1 {
				t.Errorf("a question alone went with %d", n)
			}
		}
		for range 100 {
			wg.Go(ask)
		}
		b.queued(100)
		p.open <- struct{}{}
		if n := <-p.sent; n != 100 {
			t.Errorf("%d went together, want 100", n)
		}
		close(p.open)
		wg.Wait()
		if n, _ := b.rdb.Get(t.Context(), "n").Int(); n != 100+batchFlying {
			t.Errorf("Redis was asked %d times", n)
		}
	})
	t.Run("whoever does not wait any more is not asked for", func(t *testing.T) {
		b, p := batchRig(t)
		var wg sync.WaitGroup
		for range batchFlying {
			wg.Go(func() { _ = b.do(t.Context(), func(pipe redis.Pipeliner) { pipe.Incr(t.Context(), "n") }) })
			<-p.sent
		}
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			err := b.do(ctx, func(pipe redis.Pipeliner) { pipe.Incr(ctx, "late") })
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		b.queued(1)
		cancel()
		go func() {
			for range p.sent { // an empty batch is none
				t.Error("a batch was sent for nobody")
			}
		}()
		close(p.open)
		wg.Wait()
		if n := b.rdb.Exists(t.Context(), "late").Val(); n != 0 {
			t.Error("the command of one who had gone was carried out")
		}
	})
	t.Run("what Redis may have forgotten is asked once for all, and last", func(t *testing.T) {
		b, p := batchRig(t)
		script := redis.NewScript(`return redis.call('SET', KEYS[1], ARGV[1])`)
		var wg sync.WaitGroup
		for range batchFlying {
			wg.Go(func() { _ = b.do(t.Context(), func(pipe redis.Pipeliner) { pipe.Incr(t.Context(), "n") }) })
			<-p.sent
		}
		for range 5 {
			wg.Go(func() {
				cmd, since := b.evalSince(t.Context(), script, []string{epochKey}, "7") // it shows what the claims have found
				if err := errors.Join(cmd.Err(), since.Err()); err != nil || since.Val() != "7" {
					t.Errorf("since %v, %v", since.Val(), err)
				}
			})
		}
		b.queued(5)
		close(p.open)
		if n := <-p.sent; n != 5+1 {
			t.Errorf("%d commands for 5 questions", n)
		}
		go func() {
			for range p.sent { // Redis does not know the script yet: it is sent once more
				continue
			}
		}()
		wg.Wait()
	})
	t.Run("whoever stops waiting leaves the batch alone", func(t *testing.T) {
		b, p := batchRig(t)
		script := redis.NewScript(`return 1`)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range batchFlying {
			wg.Go(func() { _ = b.do(t.Context(), func(pipe redis.Pipeliner) { pipe.Incr(t.Context(), "n") }) })
			<-p.sent
		}
		const askers = 50
		for range askers {
			wg.Go(func() {
				if cmd := b.eval(ctx, script, nil); cmd.Err() != nil {
					cmd.SetErr(errors.Join(cmd.Err())) // the asker's own, whatever the batch does now
				}
			})
		}
		b.queued(askers)
		go func() {
			for range p.sent {
				cancel() // while the batch with all of them is on its way
			}
		}()
		close(p.open)
		wg.Wait()
	})
}
