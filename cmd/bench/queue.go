package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

// queued is how many jobs are in hand at once where there are no calls: the more
// there are, the more of them go to each server together.
const queued = 2000

// queue measures what a job costs besides HTTP, against a loop written for
// this alone: a night whose jobs need no call, since their window has closed.
func (b *bench) queue() error {
	var ours, cpu, bare samples
	for i := range b.Repeat + 1 {
		loop, err := b.handWritten(b.Jobs)
		if err != nil {
			return err
		}
		if err := b.enqueueLate(b.Jobs); err != nil {
			return err
		}
		late, err := b.work(b.Jobs, "--concurrency", fmt.Sprint(queued))
		if err != nil {
			return err
		}
		if i == 0 { // the first night makes the logins known
			if err := b.longRemembered(); err != nil {
				return err
			}
			continue
		}
		bare, ours, cpu = append(bare, loop), append(ours, late.rate), append(cpu, late.cpu)
	}
	b.add(figure{Name: "queue alone, hand-written", Unit: "jobs/s", Samples: bare})
	b.add(figure{Name: "queue alone, consume", Unit: "jobs/s", Samples: ours, Reference: "queue alone, hand-written", Target: "20,000 jobs/s"})
	b.add(figure{Name: "the same, processor time", Unit: "µs/job", Samples: cpu})
	return nil
}

// enqueueLate publishes a night of n jobs whose window has closed: each is
// claimed, ends as failed / window_closed, and is acked.
func (b *bench) enqueueLate(n int) error {
	b.publications++
	now := time.Now()
	plan := producer.Plan{Cycle: cycle(b.publications), Lane: event.Nightly, Mode: event.Cached, NotAfter: now.Add(-time.Second)}
	_, err := producer.Publisher{JS: b.js}.Publish(context.Background(), func(yield func(event.Job, error) bool) {
		for i := range n {
			if !yield(plan.Job(producer.Entry{LoginID: login(i)}, now), nil) {
				return
			}
		}
	}, nil)
	return err
}

// handWritten works a night off as a loop does that was written for it: a batch
// is claimed in one go, its outcomes are published without waiting, their ends
// are written in one go, and it is acked. It looks at no answer and keeps no
// guarantee but that an outcome is stored before its job goes.
func (b *bench) handWritten(n int) (rate float64, err error) {
	if err := b.enqueue(n); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cons, err := b.js.Consumer(ctx, event.StreamJobs, event.Nightly.Durable())
	if err != nil {
		return 0, err
	}
	var left atomic.Int64
	left.Store(int64(n))
	failed := make(chan error, 4)
	var wg sync.WaitGroup
	began, took := time.Now(), time.Duration(0)
	for range cap(failed) {
		wg.Go(func() {
			for left.Load() > 0 && err == nil {
				done, err := b.handBatch(ctx, cons)
				if err != nil {
					failed <- err
					return
				}
				if done > 0 && left.Add(-int64(done)) == 0 {
					took = time.Since(began)
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	return float64(n) / took.Seconds(), <-failed
}

func (b *bench) handBatch(ctx context.Context, cons jetstream.Consumer) (done int, err error) {
	batch, err := cons.Fetch(workers, jetstream.FetchMaxWait(200*time.Millisecond))
	if err != nil {
		return 0, err
	}
	var msgs []jetstream.Msg
	var jobs []event.Job
	claims := b.rdb.Pipeline()
	for msg := range batch.Messages() {
		job, err := event.DecodeJob(msg.Subject(), msg.Data())
		if err != nil {
			return 0, err
		}
		claims.SetNX(ctx, "hand:"+job.OutcomeID(), "owner", 30*time.Second)
		msgs, jobs = append(msgs, msg), append(jobs, job)
	}
	if len(msgs) == 0 {
		return 0, nil
	}
	if _, err := claims.Exec(ctx); err != nil {
		return 0, err
	}
	ends := b.rdb.Pipeline()
	var acks []jetstream.PubAckFuture
	for _, job := range jobs {
		o := event.Outcome{LoginID: job.LoginID, Cycle: job.Cycle, Lane: job.Lane, Type: event.Refreshed, Reason: event.CachedFresh, Job: job}
		data, err := o.Encode()
		if err != nil {
			return 0, err
		}
		ack, err := b.js.PublishMsgAsync(&nats.Msg{Subject: o.Subject(), Data: data, Header: nats.Header(o.Headers())}, jetstream.WithMsgID(o.ID()), jetstream.WithStallWait(10*time.Second))
		if err != nil {
			return 0, err
		}
		acks = append(acks, ack)
		ends.Set(ctx, "hand:"+o.ID(), string(o.Type), time.Minute)
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return 0, err
		}
	}
	if _, err := ends.Exec(ctx); err != nil {
		return 0, err
	}
	for _, msg := range msgs {
		if err := msg.Ack(); err != nil {
			return 0, err
		}
	}
	return len(msgs), nil
}
