package consumer

import (
	"context"
	"strings"
	"sync"
	"time"

	"nightshift/state"
)

// institutions are those that are in maintenance, as this worker knows: from
// the look that it takes each second, and from what its own calls have shown.
// Their circuits are kept in Redis.
type institutions struct {
	mu      sync.Mutex
	paused  map[string]bool
	changed time.Time // by what this worker has found out
}

// longestName bounds what one institution's name takes, in characters.
const longestName = 100

// institution is the name under which limits are kept: Flinks and rosters do
// not always write one in the same way.
func institution(name string) string {
	name = strings.ToLower(strings.Join(strings.Fields(name), " "))
	if clean := []rune(name); len(clean) > longestName {
		return string(clean[:longestName])
	}
	return name
}

func (i *institutions) has(name string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.paused[name]
}

func (i *institutions) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.paused)
}

// set notes what this worker has found out.
func (i *institutions) set(name string, paused bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.paused[name] == paused {
		return
	}
	i.changed = time.Now()
	if !paused {
		delete(i.paused, name)
		return
	}
	if i.paused == nil {
		i.paused = map[string]bool{}
	}
	i.paused[name] = true
}

// learn takes over what Redis has said to a question of the time asked, unless
// this worker has found something out since.
func (i *institutions) learn(asked time.Time, names []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if asked.Before(i.changed) {
		return
	}
	i.paused = make(map[string]bool, len(names))
	for _, name := range names {
		i.paused[name] = true
	}
}

// pauseInstitution makes all workers leave an institution in peace until the
// next probe. It is told once.
func (w *Worker) pauseInstitution(name, code string, probe time.Duration) {
	w.paused.set(name, true)
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	first, err := w.State.PauseInstitution(ctx, name, probe)
	switch {
	case err != nil:
		w.Log.Debug("other replicas do not know of the maintenance (continuing)", "institution", name, "err", err)
	case first:
		w.Log.Info("institution is in maintenance, its live refreshes wait", "institution", name, "flinks_code", code, "next_try", probe)
	}
}

// resumeInstitution lets all workers call there again. It is told once.
func (w *Worker) resumeInstitution(name string) {
	w.paused.set(name, false)
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	since, err := w.State.ResumeInstitution(ctx, name)
	switch {
	case err != nil:
		w.Log.Debug("other replicas do not know that the maintenance is over; the next probe tells (continuing)", "institution", name, "err", err)
	case !since.IsZero():
		w.Log.Info("institution is back, its live refreshes go on", "institution", name, "after", time.Since(since).Round(time.Second))
	}
}

// Resume lets live calls at an institution go on, on an operator's word.
func Resume(ctx context.Context, store *state.Store, name string) error {
	_, err := store.ResumeInstitution(ctx, institution(name))
	return err
}
