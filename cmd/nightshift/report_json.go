package main

import (
	"time"

	"nightshift/producer"
	"nightshift/producer/event"
)

// reportJSON is what "report --json" prints. All four types are always there.
type reportJSON struct {
	Cycle    string             `json:"cycle"`
	Total    int                `json:"total"`
	Types    map[event.Type]int `json:"types"`
	Endings  []endingJSON       `json:"endings"`
	Calls    event.Calls        `json:"calls"`
	First    time.Time          `json:"first,omitzero"` // the first call
	Last     time.Time          `json:"last,omitzero"`  // the last ending
	TookP50  float64            `json:"tookP50"`        // seconds from a login's first call to its ending
	TookP95  float64            `json:"tookP95"`
	TookP99  float64            `json:"tookP99"`
	Night    *nightJSON         `json:"night,omitempty"` // missing: there is no record of it
	Waiting  waitingJSON        `json:"waiting"`
	Accounts int                `json:"accounts"` // logins whose accounts were kept
}

type endingJSON struct {
	Type        event.Type   `json:"type"`
	Reason      event.Reason `json:"reason"`
	FlinksCode  string       `json:"flinksCode,omitempty"`
	Institution string       `json:"institution,omitempty"`
	Logins      int          `json:"logins"`
}

type nightJSON struct {
	Opened time.Time `json:"opened"`
	Closes time.Time `json:"closes,omitzero"`
	Done   time.Time `json:"done,omitzero"` // when every login was seen to; missing: not yet
	publishedNight
}

// waitingJSON are the jobs of all cycles that wait.
type waitingJSON struct {
	Ready  int `json:"ready"`
	InHand int `json:"inHand"`
	Parked int `json:"parked"`
}

func waitingOf(b producer.Backlog) waitingJSON {
	w := waitingJSON{Parked: b.Parked}
	for _, q := range b.Lanes {
		w.Ready, w.InHand = w.Ready+q.Ready, w.InHand+q.InHand
	}
	return w
}

func (r report) forJSON() reportJSON {
	j := reportJSON{
		Cycle: r.Cycle, Total: r.Total, Calls: r.Calls, First: r.First, Last: r.Last, Accounts: r.Accounts,
		Types: map[event.Type]int{}, Endings: []endingJSON{}, Waiting: waitingOf(r.Backlog),
		TookP50: r.Took(0.5).Seconds(), TookP95: r.Took(0.95).Seconds(), TookP99: r.Took(0.99).Seconds(),
	}
	for _, t := range event.Types {
		j.Types[t] = 0
	}
	for _, e := range r.Sorted() {
		j.Types[e.Type] += r.Endings[e]
		j.Endings = append(j.Endings, endingJSON{e.Type, e.Reason, e.FlinksCode, e.Institution, r.Endings[e]})
	}
	if !r.Night.Opened.IsZero() {
		j.Night = &nightJSON{r.Night.Opened, r.Night.Closes, r.Night.Done, published(r.Night)}
	}
	return j
}
