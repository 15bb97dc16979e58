package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
)

// orphans looks for jobs that no worker will ever get. What is found once may
// be a job that was finished this very moment; what is found twice is not.
func (v *visit) orphans(ctx context.Context) []Check {
	const name = "jobs orphaned"
	found, err := producer.Orphans(ctx, v.JS)
	if err == nil && len(found) > 0 && pause(ctx) {
		var again []producer.Orphan
		again, err = producer.Orphans(ctx, v.JS)
		found = slices.DeleteFunc(found, func(o producer.Orphan) bool { return !slices.Contains(again, o) })
	}
	v.orphaned = len(found)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return []Check{skipped(name, "the stream of the jobs is missing")}
	case err != nil:
		return []Check{broken(name, "they cannot be looked for: %s", said(err)).mend("look at the NATS server's log")}
	case len(found) == 0:
		return []Check{ok(name, "none")}
	}
	c := broken(name, "%s behind what is held for done: no worker gets them, and their logins get no others in that lane",
		jobsOf(uint64(len(found)), "")).mend("nightshift doctor --fix")
	c.fix = func(ctx context.Context) (string, error) { return rescue(ctx, v.JS, found) }
	return []Check{c}
}

// rescue gives the jobs back, and says what became of how many.
func rescue(ctx context.Context, js jetstream.JetStream, found []producer.Orphan) (string, error) {
	became := map[producer.Rescued]int{}
	var errs []error
	for _, o := range found {
		one, cancel := context.WithTimeout(ctx, patience)
		did, err := o.Rescue(one, js)
		cancel()
		if err != nil {
			errs = append(errs, err)
			break // The next one would fare no better, and takes as long.
		}
		became[did]++
	}
	var says []string
	for _, did := range slices.Sorted(maps.Keys(became)) {
		says = append(says, fmt.Sprintf("%d %s", became[did], did))
	}
	return strings.Join(says, ", "), errors.Join(errs...)
}
