package flinkstest

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// card is a login as the server keeps it: the script as added, and where it
// has come to. Its mutex also guards its sessions.
type card struct {
	Login
	ending string // What the script deserved when it was added.

	mu          sync.Mutex
	lastRefresh time.Time
	last        Answer
	lastPolls   int // 202s that cached mode still has to give.
	scheduled   bool
	deleted     bool
	asked       *session          // Waits for the answers to its questions.
	bank        *bankRun          // The live session that runs now.
	stored      map[string]string // Answers kept by AnswerMFAQuestions.
	authorized  time.Time         // The last Authorize that went through.

	live, detail, attribute int // Places in the scripts.
	attributePolls          int
	attributesRun           int // Attributes calls in the works.
	stats                   LoginStats
}

// cards finds a card by its loginId or by what its id is made of.
type cards struct {
	mu   sync.RWMutex
	byID map[string]*card
	by   map[string]*card // By cardKey; only cards with a password.
	all  []*card          // In the order they were added.
	inst map[string]bool  // Institutions known, lower case.
}

func (cs *cards) add(l Login, language string) {
	if l.Institution == "" {
		l.Institution, l.InstitutionID = "FlinksCapital", 14
	}
	if l.ID == "" {
		l.ID = loginID(l.Institution, l.Username, language)
	}
	k := &card{
		Login: l, ending: l.Ending(), lastRefresh: l.LastRefresh,
		last: l.Last, lastPolls: l.Last.Polls, scheduled: l.Scheduled,
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.byID == nil {
		cs.byID, cs.by, cs.inst = map[string]*card{}, map[string]*card{}, map[string]bool{}
	}
	id := strings.ToLower(l.ID)
	if old := cs.byID[id]; old != nil {
		old.mu.Lock()
		old.deleted = true
		old.mu.Unlock()
	}
	cs.byID[id] = k
	cs.all = append(cs.all, k)
	cs.inst[strings.ToLower(l.Institution)] = true
	if l.Password != "" {
		cs.by[cardKey(l.Institution, l.Username, language)] = k
	}
}

// find returns the card with a loginId, or nil when there is none or it was
// deleted.
func (cs *cards) find(id string) *card {
	cs.mu.RLock()
	k := cs.byID[strings.ToLower(id)]
	cs.mu.RUnlock()
	if k == nil || k.isDeleted() {
		return nil
	}
	return k
}

// named returns the card of a user, deleted or not, and whether the
// institution is known at all.
func (cs *cards) named(institution, username, language string) (*card, bool) {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	return cs.by[cardKey(institution, username, language)], cs.inst[strings.ToLower(institution)]
}

// list returns the cards in force, in the order they were added.
func (cs *cards) list() []*card {
	cs.mu.RLock()
	all := slices.Clip(cs.all)
	cs.mu.RUnlock()
	live := make([]*card, 0, len(all))
	for _, k := range all {
		if !k.isDeleted() {
			live = append(live, k)
		}
	}
	return live
}

func (k *card) isDeleted() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.deleted
}
