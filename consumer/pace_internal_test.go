package consumer

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"nightshift/state"
)

func TestPace(t *testing.T) {
	t0 := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	// gap asks for two turns in a row and returns what lies between them.
	gap := func(p *pace, now time.Time) time.Duration {
		first := p.turn(now)
		return p.turn(now) - first
	}
	t.Run("no trouble, no gap", func(t *testing.T) {
		var p pace
		if got := p.turn(t0); got != 0 {
			t.Errorf("wait of %v", got)
		}
		if got := gap(&p, t0); got != 0 {
			t.Errorf("gap of %v", got)
		}
	})
	t.Run("each throttled answer doubles the gap, up to the most", func(t *testing.T) {
		var p pace
		now := t0
		for _, want := range []time.Duration{5, 10, 20, 40, 80, 160, 320, 500, 500} {
			p.throttled(now, 0)
			if got := gap(&p, now); got != want*time.Millisecond {
				t.Errorf("gap of %v, want %v", got, want*time.Millisecond)
			}
			now = now.Add(time.Minute)
		}
	})
	t.Run("answers to calls made before do not count", func(t *testing.T) {
		var p pace
		p.throttled(t0, 0)
		p.throttled(t0.Add(paceHold-1), 0)
		if got := gap(&p, t0.Add(time.Minute)); got != gapFirst {
			t.Errorf("gap of %v, want %v", got, gapFirst)
		}
	})
	t.Run("good answers close the gap", func(t *testing.T) {
		var p pace
		p.throttled(t0, 0)
		for range 300 {
			p.good()
		}
		if got := gap(&p, t0.Add(time.Minute)); got != 0 {
			t.Errorf("gap of %v after 300 good answers", got)
		}
	})
	t.Run("all calls stop for as long as Flinks says", func(t *testing.T) {
		var p pace
		p.throttled(t0, 10*time.Second)
		if got := p.turn(t0); got != 10*time.Second {
			t.Errorf("wait of %v", got)
		}
		p.throttled(t0.Add(time.Millisecond), 20*time.Second)
		if got := p.turn(t0.Add(time.Millisecond)); got < 20*time.Second {
			t.Errorf("wait of %v after a longer stop was named", got)
		}
	})
	t.Run("they do so without a gap as well", func(t *testing.T) {
		var p pace
		p.throttled(t0, 10*time.Second)
		for range 1000 {
			p.good()
		}
		if p.free(t0.Add(9*time.Second)) || !p.free(t0.Add(10*time.Second)) {
			t.Error("the stop does not last as long as Flinks said")
		}
	})
	t.Run("one answer does not stop the whole night", func(t *testing.T) {
		var p pace
		p.throttled(t0, 24*time.Hour)
		if got := p.turn(t0); got > time.Minute {
			t.Errorf("wait of %v", got)
		}
	})
}

// TestTurnsWithoutRedis: a worker that cannot ask keeps the last known gap.
func TestTurnsWithoutRedis(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	start := func(t *testing.T) (*turns, *miniredis.Miniredis) {
		m := miniredis.RunT(t)
		store, err := state.Open("redis://" + m.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		var w turns
		w.init(store, 0, quiet)
		return &w, m
	}
	t.Run("the gap that Redis told is kept", func(t *testing.T) {
		w, m := start(t)
		w.throttled(0)
		w.throttled(0) // belongs to the first
		first, _ := w.reserve(1)
		m.SetError("LOADING")
		second, _ := w.reserve(2)
		third, _ := w.reserve(1)
		if first.gap != gapFirst || second.gap != gapFirst {
			t.Errorf("gaps of %v and %v", first.gap, second.gap)
		}
		if second.at.Before(first.at.Add(gapFirst)) || third.at.Before(second.at.Add(2*gapFirst)) {
			t.Errorf("turns at %v, %v, %v", first.at, second.at, third.at)
		}
	})
	t.Run("a throttled answer slows down here", func(t *testing.T) {
		w, m := start(t)
		m.SetError("LOADING")
		if !w.pace.free(time.Now()) {
			t.Error("there is a gap before anything happened")
		}
		w.throttled(10 * time.Second)
		if w.pace.free(time.Now()) {
			t.Error("there is no gap")
		}
		if first, _ := w.reserve(1); time.Until(first.at) < 8*time.Second {
			t.Errorf("the next call waits %v", time.Until(first.at))
		}
	})
	t.Run("what was asked before a throttled answer does not undo it", func(t *testing.T) {
		w, _ := start(t)
		asked := time.Now().Add(-time.Second)
		w.throttled(0)
		w.pace.learn(asked, state.Pace{}, 0)
		if w.pace.free(time.Now()) {
			t.Error("the gap is gone")
		}
		w.pace.learn(time.Now(), state.Pace{}, 0)
		if !w.pace.free(time.Now().Add(time.Second)) {
			t.Error("what was asked since is not believed")
		}
	})
	t.Run("what others have found out counts for who is throttled", func(t *testing.T) {
		w, _ := start(t)
		if _, err := w.store.Throttle(t.Context(), state.Slowdown{First: 40 * time.Millisecond, Most: time.Second, Hold: time.Hour}); err != nil {
			t.Fatal(err)
		}
		w.throttled(0)
		if got := w.pace.step(); got != 40*time.Millisecond {
			t.Errorf("gap of %v", got)
		}
	})
	t.Run("a rate is never passed for want of a whole microsecond", func(t *testing.T) {
		for rate, want := range map[int]time.Duration{
			0: 0, 1: time.Second, 300: 3334 * time.Microsecond, 1000: time.Millisecond, 10_000: 100 * time.Microsecond,
		} {
			var w turns
			if w.init(nil, rate, quiet); w.pace.least != want {
				t.Errorf("%d calls a second lie %v apart, want %v", rate, w.pace.least, want)
			}
		}
	})
}

func TestInstitutionName(t *testing.T) {
	for _, row := range []struct{ name, want string }{
		{"", ""},
		{" \n", ""},
		{"RBC", "rbc"},
		{"  Caisse  D'ÉPARGNE\n", "caisse d'épargne"},
		{strings.Repeat("é", 5000), strings.Repeat("é", longestName)},
	} {
		if got := institution(row.name); got != row.want {
			t.Errorf("%.40q is kept as %.40q, want %.40q", row.name, got, row.want)
		}
	}
}

func TestRows(t *testing.T) {
	t.Run("they count logins, not answers", func(t *testing.T) {
		var r rows
		for _, step := range []struct {
			login string
			want  int
		}{{"a", 1}, {"a", 1}, {"b", 2}, {"a", 2}, {"c", 3}} {
			if got := r.suspect("Authorize", step.login); got != step.want {
				t.Errorf("%s: %d in a row, want %d", step.login, got, step.want)
			}
		}
	})
	t.Run("a good answer ends the row of its operation only", func(t *testing.T) {
		var r rows
		r.suspect("Authorize", "a")
		r.suspect("GetAccountsDetail", "a")
		r.good("Authorize")
		if got := r.suspect("Authorize", "b"); got != 1 {
			t.Errorf("Authorize: %d in a row", got)
		}
		if got := r.suspect("GetAccountsDetail", "b"); got != 2 {
			t.Errorf("GetAccountsDetail: %d in a row", got)
		}
	})
	t.Run("their memory is bounded", func(t *testing.T) {
		var r rows
		for i := range 10 * rowMost {
			if got := r.suspect("Authorize", fmt.Sprint(i)); got > rowMost {
				t.Fatalf("a row of %d", got)
			}
		}
	})
}
