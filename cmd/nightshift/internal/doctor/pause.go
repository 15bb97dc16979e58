package doctor

import (
	"context"
	"time"

	"nightshift/consumer"
)

// pause looks at the circuit that stops all workers while Flinks refuses us.
func (v *visit) pause(ctx context.Context) []Check {
	const name = "pause"
	c, err := v.State.Circuit(ctx, consumer.Circuit)
	switch {
	case err != nil:
		return []Check{skipped(name, "Redis cannot be asked: "+err.Error())}
	case !c.Open:
		return []Check{ok(name, "the workers do not pause")}
	}
	return []Check{broken(name, "no job is pulled since %s: %s", c.Since.Format(time.RFC3339), consumer.OurFault(c.Why)).
		mend("mend that setting; the workers try one job now and then, and go on by themselves")}
}
