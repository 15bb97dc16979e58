package consumer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/producer/event"
)

// Whoever hears an outcome long after its requestId has expired is told what to
// do then, where there is something to do.
func TestAfterExpiry(t *testing.T) {
	got := map[event.Type]event.AfterExpiry{}
	for _, ending := range event.Types {
		m := Move{Do: End, Type: ending, Work: Work{Job: event.Job{LoginID: "ann", RequestID: "r"}}}
		o := outcomeOf(&m, &course{lastReply: time.Now()}, time.Now())
		if o.RequestID == "" || o.RequestIDExpires.IsZero() {
			t.Errorf("%s has no requestId", ending)
		}
		got[ending] = o.AfterExpiry
	}
	want := map[event.Type]event.AfterExpiry{event.MFARequired: "refresh", event.Refreshed: "", event.ReconnectRequired: "", event.Failed: ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
