package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// kind is a sort of fault.
type kind string

// The faults of a replica.
const (
	kill     kind = "kill"     // kill -9
	crash    kind = "crash"    // kill -9 at a named step of a job's life
	stop     kind = "stop"     // SIGTERM with time enough
	hurry    kind = "hurry"    // SIGTERM without
	freeze   kind = "freeze"   // no processor for longer than a lease lasts
	skew     kind = "skew"     // a wrong clock
	cutOff   kind = "cut-off"  // its connections to everything go silent, half open
	feedKill kind = "producer" // kill -9 of the producer
)

// The faults of the servers and of the network to them.
const (
	natsKill   kind = "nats-kill"   // kill -9, and started again
	natsGone   kind = "nats-gone"   // unreachable
	natsMute   kind = "nats-mute"   // connections stay open and carry nothing
	redisKill  kind = "redis-kill"  // kill -9, and started again with its file
	redisEmpty kind = "redis-empty" // kill -9, and started again without
	redisFlush kind = "redis-flush" // FLUSHALL
	redisSlow  kind = "redis-slow"  // answers late
	redisMute  kind = "redis-mute"  // connections stay open and carry nothing
	redisGone  kind = "redis-gone"  // unreachable
	flinksSick kind = "flinks-sick" // drops connections, answers HTML, 5xx and TOO_MANY_REQUESTS
	flinksHang kind = "flinks-hang" // some calls are never answered
	flinksGone kind = "flinks-gone" // unreachable
	refused    kind = "refused"     // our secret is not taken
)

// fault is one of them, at its time.
type fault struct {
	At      time.Duration // since the beginning
	For     time.Duration // how long it lasts; 0: a moment
	Kind    kind
	Replica int    // of a fault of a replica
	Step    string // of a crash
	Count   int    // of a crash: the how-manieth time at the step
	Late    bool   // of a skew: the clock is behind, else ahead
}

func (f fault) String() string {
	words := []string{string(f.Kind)}
	if slices.Contains(ofReplicas, f.Kind) && f.Kind != feedKill {
		words = append(words, fmt.Sprintf("of replica %d", f.Replica+1))
	}
	switch f.Kind {
	case crash:
		words = append(words, fmt.Sprintf("at %s, time %d", f.Step, f.Count))
	case skew:
		words = append(words, map[bool]string{true: "behind", false: "ahead"}[f.Late])
	}
	if f.For > 0 {
		words = append(words, "for "+f.For.Round(100*time.Millisecond).String())
	}
	return strings.Join(words, " ")
}

var (
	ofReplicas = []kind{kill, crash, stop, hurry, crash, freeze, skew, kill, crash, cutOff, feedKill, crash}
	ofServers  = []kind{
		natsKill, redisFlush, flinksSick, redisKill, redisSlow, redisMute, natsMute, redisEmpty, natsGone,
		flinksHang, natsKill, redisGone, refused, flinksGone,
	}
	steps = []string{
		"live-recorded", "live-called", "accounts-kept", "outcome-told", "end-recorded", "job-parked", "park-recorded",
	}
)

// lasts is how long a fault of a kind goes on in a drill of eight minutes, or
// for how long at most a replica is left alone with it.
var lasts = map[kind]time.Duration{
	crash: 15 * time.Second, stop: 8 * time.Second, hurry: 6 * time.Second,
	freeze: 45 * time.Second, cutOff: 45 * time.Second,
	natsKill: 3 * time.Second, natsGone: time.Minute, natsMute: 10 * time.Second,
	redisKill: 3 * time.Second, redisEmpty: 3 * time.Second, redisSlow: 15 * time.Second, redisGone: 15 * time.Second, redisMute: 10 * time.Second,
	flinksSick: 30 * time.Second, flinksHang: 15 * time.Second, flinksGone: 10 * time.Second, refused: 10 * time.Second,
}

// schedule draws the faults of a drill from its seed. Two rows of faults run
// side by side, one that befalls replicas and one that befalls servers; in
// each, one fault is over before the next begins. Every kind comes once before
// any comes again, as far as the time allows.
func schedule(seed uint64, span time.Duration, replicas int) []fault {
	r := rand.New(rand.NewPCG(seed, 1))
	all := append(row(r, ofReplicas, span, replicas), row(r, ofServers, span, replicas)...)
	slices.SortStableFunc(all, func(a, b fault) int { return int(a.At - b.At) })
	return all
}

func row(r *rand.Rand, kinds []kind, span time.Duration, replicas int) (all []fault) {
	// A short drill has short faults, but none below a second.
	scale := min(1, span.Minutes()/6)
	crashes := r.Perm(len(steps))
	for at := 3 * time.Second; ; {
		deck := slices.Clone(kinds)
		r.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		for _, k := range deck {
			f := fault{At: at, Kind: k, Replica: r.IntN(replicas)}
			if d := lasts[k]; d > 0 {
				f.For = max(time.Second, time.Duration(float64(d)*scale*(0.7+0.6*r.Float64())))
			}
			switch k {
			case crash:
				f.For = max(f.For, 4*time.Second) // it has to start and come by
				f.Step, f.Count = steps[crashes[0]], 1+r.IntN(10)
				crashes = append(crashes[1:], crashes[0])
			case skew:
				f.Late = r.IntN(2) == 0
			}
			if f.At+f.For >= span {
				return all
			}
			all = append(all, f)
			at += f.For + time.Duration((0.3+0.7*scale)*(1+3*r.Float64())*float64(time.Second))
		}
	}
}
