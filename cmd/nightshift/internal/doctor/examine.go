package doctor

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"nightshift/state"
)

const (
	// patience is how long a part may take to answer.
	patience = 5 * time.Second
	// patienceAll is that for an examination of several parts, or one that
	// looks twice.
	patienceAll = 20 * time.Second
	// settle lies between two looks at what may only be on its way.
	settle = 3 * time.Second
)

// visit is one examination of a patient, and what has been learnt so far. The
// reasons are empty for what works.
type visit struct {
	*Patient
	noNATS, noJetStream, noRedis string
	health                       []state.Health
	orphaned                     int
}

// examination looks at one part.
type examination struct {
	names []string            // of the checks that it makes
	needs func(*visit) string // why it cannot be made; empty: it can
	look  func(*visit, context.Context) []Check
	limit time.Duration
}

// examinations are made in this order: the later ones use what the earlier
// ones find.
func examinations(p *Patient) []examination {
	nothing := func(*visit) string { return "" }
	needNATS := func(v *visit) string { return v.noNATS }
	needJetStream := func(v *visit) string { return v.noJetStream }
	needRedis := func(v *visit) string { return v.noRedis }
	needBoth := func(v *visit) string { return cmp.Or(v.noJetStream, v.noRedis) }
	return []examination{
		{[]string{"nats", "nats version"}, nothing, (*visit).nats, patience},
		{[]string{"jetstream", "jetstream storage"}, needNATS, (*visit).jetStream, patience},
		{p.Setup.Names(), needJetStream, (*visit).parts, patienceAll},
		{[]string{"replicas"}, needJetStream, (*visit).replicas, patienceAll},
		{laneNames(), needJetStream, (*visit).lanes, patienceAll},
		{[]string{"jobs orphaned"}, needJetStream, (*visit).orphans, patienceAll},
		{[]string{"jobs parked"}, needJetStream, (*visit).parked, patience},
		{[]string{"dead letters"}, needJetStream, (*visit).dead, patience},
		{[]string{"redis"}, nothing, (*visit).redis, patience},
		{[]string{"redis version", "redis role", "redis persistence", "redis eviction", "redis memory"}, needRedis, (*visit).redisHealth, patience},
		{[]string{"pause"}, needRedis, (*visit).pause, patience},
		{[]string{"sequences"}, needBoth, (*visit).sequences, patience},
		{[]string{"clock of nats"}, needJetStream, (*visit).clockOfNATS, patience},
		{[]string{"clock of redis"}, needRedis, (*visit).clockOfRedis, patience},
		{[]string{"flinks"}, nothing, (*visit).flinks, flinksPatience},
	}
}

// Examine looks at every part of the patient, and tells each check as soon as
// it is made. It ends early with ctx.
func Examine(ctx context.Context, p *Patient, tell func(Check)) []Check {
	v := &visit{Patient: p}
	var all []Check
	for _, e := range examinations(p) {
		checks := v.make(ctx, e)
		if ctx.Err() != nil {
			break // What was found is only that nobody waits for it any more.
		}
		for _, c := range checks {
			tell(c)
			all = append(all, c)
		}
	}
	return all
}

func (v *visit) make(ctx context.Context, e examination) []Check {
	if why := e.needs(v); why != "" {
		checks := make([]Check, len(e.names))
		for i, name := range e.names {
			checks[i] = skipped(name, why)
		}
		return checks
	}
	ctx, cancel := context.WithTimeout(ctx, e.limit)
	defer cancel()
	return e.look(v, ctx)
}

// Mended is what was done about a check.
type Mended struct {
	Name string `json:"name"`
	Did  string `json:"did,omitempty"`
	Err  string `json:"error,omitempty"`
}

// Mend mends what can be mended without any danger, and tells each as soon as
// it is done: it creates parts that are missing, and gives orphaned jobs back
// to the workers. It changes no setting, since somebody may have meant it.
func Mend(ctx context.Context, checks []Check, tell func(Mended)) []Mended {
	var all []Mended
	for _, c := range checks {
		if c.fix == nil {
			continue
		}
		did, err := c.fix(ctx)
		m := Mended{Name: c.Name, Did: did}
		if err != nil {
			m.Err = fmt.Sprint(err)
		}
		tell(m)
		all = append(all, m)
	}
	return all
}

// pause waits between two looks; false: there is no time for a second one.
func pause(ctx context.Context) bool {
	t := time.NewTimer(settle)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
