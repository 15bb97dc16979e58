package producer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// Report counts what came of a cycle. Its memory depends on how many different
// endings there are, not on how many logins.
type Report struct {
	Cycle    string
	Total    int
	Endings  map[Ending]int
	Calls    event.Calls
	Accounts int       // logins whose accounts were kept
	First    time.Time // the first call of all
	Last     time.Time // the last ending
	took     durations
}

// Ending is how a login's refresh may end, as far as a report tells it apart.
type Ending struct {
	Type        event.Type
	Reason      event.Reason
	FlinksCode  string
	Institution string
}

// ReadReport reads the outcomes of a cycle.
func ReadReport(ctx context.Context, js jetstream.JetStream, cycle string) (*Report, error) {
	r := &Report{Cycle: cycle, Endings: map[Ending]int{}}
	s := Selection{Cycle: cycle, Since: sinceOf(cycle)}
	for t, err := range s.Read(ctx, js, false) {
		if err != nil {
			return nil, err
		}
		r.Add(t.Outcome)
	}
	return r, nil
}

// sinceOf is a time before which a cycle cannot have an outcome: a day earlier
// than its date, whatever the zone. Zero: it does not say.
func sinceOf(cycle string) time.Time {
	if len(cycle) < len(time.DateOnly) {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, cycle[:len(time.DateOnly)])
	if err != nil {
		return time.Time{}
	}
	return day.AddDate(0, 0, -1)
}

// Add counts an outcome.
func (r *Report) Add(o event.Outcome) {
	r.Total++
	r.Endings[Ending{o.Type, o.Reason, o.FlinksCode, o.Institution}]++
	r.Calls.Cached += o.Calls.Cached
	r.Calls.Live += o.Calls.Live
	if o.Accounts != nil {
		r.Accounts++
	}
	if o.Timings.Ended.After(r.Last) {
		r.Last = o.Timings.Ended
	}
	started := o.Timings.Started
	if started.IsZero() {
		return
	}
	if r.First.IsZero() || started.Before(r.First) {
		r.First = started
	}
	r.took.add(o.Timings.Ended.Sub(started))
}

// By sums the endings up by a part of them.
func By[K comparable](r *Report, key func(Ending) K) map[K]int {
	sums := map[K]int{}
	for e, n := range r.Endings {
		sums[key(e)] += n
	}
	return sums
}

// Sorted lists the endings, the most frequent first.
func (r *Report) Sorted() []Ending {
	return slices.SortedFunc(maps.Keys(r.Endings), func(a, b Ending) int {
		return cmp.Or(r.Endings[b]-r.Endings[a], cmp.Compare(a.Type, b.Type), cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.FlinksCode, b.FlinksCode), cmp.Compare(a.Institution, b.Institution))
	})
}

// Took is how long a refresh took from its first call to its ending, at most,
// for the given share of the logins that were called for; within 5 %.
func (r *Report) Took(share float64) time.Duration { return r.took.quantile(share) }

// durations counts durations in classes, each 5 % longer than the one before.
type durations struct {
	n       int
	classes map[int]int
}

func (d *durations) add(t time.Duration) {
	if d.classes == nil {
		d.classes = map[int]int{}
	}
	d.n++
	d.classes[int(math.Ceil(math.Log(max(1, float64(t)/float64(time.Millisecond)))/math.Log(1.05)))]++
}

func (d *durations) quantile(share float64) time.Duration {
	left := int(math.Ceil(share * float64(d.n)))
	for _, class := range slices.Sorted(maps.Keys(d.classes)) {
		if left -= d.classes[class]; left <= 0 {
			return time.Duration(math.Pow(1.05, float64(class)) * float64(time.Millisecond))
		}
	}
	return 0
}

// LastCycle is the cycle of the last nightly outcome; empty: there is none.
func LastCycle(ctx context.Context, js jetstream.JetStream) (string, error) {
	stream, err := js.Stream(ctx, event.StreamOutcomes)
	if err != nil {
		return "", fmt.Errorf("producer: stream %s: %w", event.StreamOutcomes, err)
	}
	state := stream.CachedInfo().State
	for seq := state.LastSeq; seq >= state.FirstSeq && seq > 0 && state.LastSeq-seq < lookBack; seq-- {
		msg, err := stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("producer: look for the last night: %w", err)
		}
		if o, err := event.DecodeOutcome(msg.Data); err == nil && o.Lane == event.Nightly {
			return o.Cycle, nil
		}
	}
	return "", nil
}

// lookBack bounds how many outcomes on demand are looked past.
const lookBack = 1000

// ToldSince counts the outcomes that were told since a time.
func ToldSince(ctx context.Context, js jetstream.JetStream, since time.Time) (int, error) {
	cons, err := js.OrderedConsumer(ctx, event.StreamOutcomes, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since, InactiveThreshold: time.Second,
	})
	if err != nil {
		return 0, fmt.Errorf("producer: count outcomes: %w", err)
	}
	return int(cons.CachedInfo().NumPending), nil
}

// Backlog is what waits in the stream of jobs.
type Backlog struct {
	Lanes  map[event.Lane]Queue
	Parked int // for their time, in all lanes
}

// Queue is what waits in a lane.
type Queue struct {
	Ready  int       // for a worker
	InHand int       // a worker has it
	Oldest time.Time // when the first of those that are ready was stored
}

// ReadBacklog counts what waits. It asks the server for counts only, so it
// costs the same however much waits.
func ReadBacklog(ctx context.Context, js jetstream.JetStream) (Backlog, error) {
	b := Backlog{Lanes: map[event.Lane]Queue{}}
	stream, err := js.Stream(ctx, event.StreamJobs)
	if err != nil {
		return b, fmt.Errorf("producer: stream %s: %w", event.StreamJobs, err)
	}
	b.Parked = int(stream.CachedInfo().State.Msgs)
	for _, lane := range event.Lanes {
		cons, err := stream.Consumer(ctx, lane.Durable())
		if err != nil {
			return b, fmt.Errorf("producer: lane %s: %w", lane, err)
		}
		info := cons.CachedInfo()
		q := Queue{Ready: int(info.NumPending), InHand: info.NumAckPending}
		b.Parked = max(b.Parked-q.Ready-q.InHand, 0)
		if q.Ready > 0 {
			msg, err := stream.GetMsg(ctx, info.Delivered.Stream+1, jetstream.WithGetMsgSubject(lane.Filter()))
			if err == nil { // else a worker was faster
				q.Oldest = msg.Time.UTC()
			}
		}
		b.Lanes[lane] = q
	}
	return b, nil
}
