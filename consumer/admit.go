package consumer

import (
	"cmp"

	"nightshift/flinks"
	"nightshift/producer/event"
	"nightshift/state"
)

// admit asks whether the job's bank takes a live call now, and takes a place
// among its sessions. Redis is asked only where there is a limit on them or the
// bank is known to be in maintenance. If it takes none, the move becomes what
// happens to the job instead. A job that was parked for that reason asks before its
// cached call already: Flinks has told it that the data is too old.
func (w *Worker) admit(h *hold, m *Move) (ok bool, err error) {
	work := &m.Work
	name := institution(work.Institution)
	waits := work.Phase == event.PhaseLive || work.Phase == event.PhaseCached && work.Spent.Queued > 0
	if !waits || name == "" || w.admitted(h, name) {
		return true, nil
	}
	if h.elsewhere(name) { // Flinks writes it otherwise than the job
		w.leave(h)
	}
	ctx, cancel := h.brief()
	defer cancel()
	answer, wait, err := w.State.Admit(ctx, state.LiveCall{
		Institution: name, Owner: h.lease.Owner, Spent: work.Spent.Live,
		Sessions: w.InstitutionSessions, TTL: leaseTTL,
		ProbeEvery: w.Policy.RetryBase, Yield: w.Policy.yield(),
	})
	if err != nil {
		return false, err
	}
	switch answer {
	case state.Full:
		m.become(w.Policy.barred(work, Bar{}, h.now()))
		return false, nil
	case state.Paused:
		w.paused.set(name, true)
		m.become(w.Policy.barred(work, Bar{Paused: true, After: wait}, h.now()))
		return false, nil
	case state.Probing:
		h.probe = name
	case state.Admitted:
		w.paused.set(name, false)
	}
	if w.InstitutionSessions > 0 {
		h.seat.Store(&name)
	}
	return true, nil
}

// admitted reports whether the job needs to ask nobody.
func (w *Worker) admitted(h *hold, name string) bool {
	if w.paused.has(name) {
		return h.probe == name
	}
	seat := h.seat.Load()
	return w.InstitutionSessions == 0 || seat != nil && *seat == name
}

// elsewhere reports whether the hold has a place or a probe at an institution
// of another name.
func (h *hold) elsewhere(name string) bool {
	seat := h.seat.Load()
	return seat != nil && *seat != name || h.probe != "" && h.probe != name
}

// heard draws from the answer to a live call what it says about the bank.
func (w *Worker) heard(h *hold, work *Work, r *Reply) {
	name := cmp.Or(h.probe, institution(work.Institution))
	if name == "" || spared(r) {
		return
	}
	h.probe = "" // it was used, whatever it has shown
	switch {
	case inMaintenance(r):
		w.pauseInstitution(name, r.FlinksCode, w.Policy.probeEvery(work))
	case r.Kind != flinks.KindTransport && w.paused.has(name):
		w.resumeInstitution(name)
	}
}

// inMaintenance: no login of the bank can be refreshed. RETRY_LATER may be one
// login's own matter.
func inMaintenance(r *Reply) bool {
	switch flinks.Normalize(r.FlinksCode) {
	case flinks.CodeDisabledInstitution, flinks.CodeBankMaintenance:
		return r.Kind == flinks.KindRetryable
	}
	return false
}

// leave gives back what [Worker.admit] took, when the job leaves the hand.
func (w *Worker) leave(h *hold) {
	name, unused := h.probe, h.probe != ""
	if seat := h.seat.Swap(nil); seat != nil {
		name = *seat
	}
	if name == "" {
		return
	}
	h.probe = ""
	ctx, cancel := h.brief()
	defer cancel()
	if err := w.State.Leave(ctx, name, h.lease.Owner, unused); err != nil {
		w.Log.Debug("place among the live sessions not given back, it comes free by itself (continuing)", "institution", name, "err", err)
	}
}
