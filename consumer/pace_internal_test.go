package consumer

import (
	"fmt"
	"testing"
	"time"
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
		for _, want := range []time.Duration{5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000} {
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
	t.Run("one answer does not stop the whole night", func(t *testing.T) {
		var p pace
		p.throttled(t0, 24*time.Hour)
		if got := p.turn(t0); got > time.Minute {
			t.Errorf("wait of %v", got)
		}
	})
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
