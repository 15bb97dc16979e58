package flinkstest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Mix says what a population is made of, by weight; the weights need not sum
// up to anything. The zero Mix is a realistic night.
type Mix struct {
	// The four endings. Refreshed is spread over the kinds below, in the
	// proportions of a realistic night.
	Refreshed, MFA, Reconnect, Failed float64

	// The kinds of logins that end refreshed.
	Fresh      float64 // The cached data is young enough.
	Stale      float64 // It is not; the bank answers at once.
	Pending    float64 // The data is pending for a few polls.
	Retry      float64 // One of the seven codes once, then all is well.
	Busy       float64 // Throttled, in use or already being refreshed, once.
	Lost       float64 // The session is lost once, at the data.
	Attributes float64 // The attributes are late, or cannot be had.
	Transport  float64 // A reply is lost or unreadable, once.

	// Config answers once with a code that means that the caller's own set-up
	// is wrong. It stops a correct caller, and so is in no night by default.
	Config float64
	// Later answers RETRY_LATER to one live call, then all is well: of the codes
	// of Retry the one that says nothing about the login's bank.
	Later float64
}

// usual is the zero Mix.
var usual = Mix{Refreshed: 86, MFA: 5, Reconnect: 6, Failed: 3}

// weight is one named weight of a mix.
type weight struct {
	name  string
	of    func(*Mix) *float64
	share float64 // Of Refreshed.
}

var weights = []weight{
	{"refreshed", func(m *Mix) *float64 { return &m.Refreshed }, 0},
	{"mfa", func(m *Mix) *float64 { return &m.MFA }, 0},
	{"reconnect", func(m *Mix) *float64 { return &m.Reconnect }, 0},
	{"failed", func(m *Mix) *float64 { return &m.Failed }, 0},
	{"fresh", func(m *Mix) *float64 { return &m.Fresh }, 0.68},
	{"stale", func(m *Mix) *float64 { return &m.Stale }, 0.20},
	{"pending", func(m *Mix) *float64 { return &m.Pending }, 0.05},
	{"retry", func(m *Mix) *float64 { return &m.Retry }, 0.03},
	{"busy", func(m *Mix) *float64 { return &m.Busy }, 0.01},
	{"lost", func(m *Mix) *float64 { return &m.Lost }, 0.01},
	{"attributes", func(m *Mix) *float64 { return &m.Attributes }, 0.01},
	{"transport", func(m *Mix) *float64 { return &m.Transport }, 0.01},
	{"config", func(m *Mix) *float64 { return &m.Config }, 0},
	{"later", func(m *Mix) *float64 { return &m.Later }, 0},
}

// ParseMix reads weights by name, as in "refreshed=85,mfa=5,reconnect=5".
// What is not named has no weight. An empty text is the zero Mix.
func ParseMix(text string) (Mix, error) {
	var m Mix
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return Mix{}, fmt.Errorf("flinkstest: mix: %q has no weight; write name=weight with %s", part, names())
		}
		at := m.named(strings.TrimSpace(name))
		if at == nil {
			return Mix{}, fmt.Errorf("flinkstest: mix: %q is no part of a mix; the parts are %s", name, names())
		}
		w, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(w >= 0) || math.IsInf(w, 0) {
			return Mix{}, fmt.Errorf("flinkstest: mix: the weight of %s must be a number of at least 0, not %q", name, value)
		}
		*at = w
	}
	if m == (Mix{}) && strings.Trim(text, " ,") != "" {
		return Mix{}, fmt.Errorf("flinkstest: mix: all weights of %q are 0", text)
	}
	return m, nil
}

func (m *Mix) named(name string) *float64 {
	for _, w := range weights {
		if w.name == strings.ToLower(name) {
			return w.of(m)
		}
	}
	return nil
}

func names() string {
	all := make([]string, len(weights))
	for i, w := range weights {
		all[i] = w.name
	}
	return strings.Join(all, ", ")
}

// spread puts the weight of Refreshed on its kinds.
func (m Mix) spread() Mix {
	if m == (Mix{}) {
		m = usual
	}
	for _, w := range weights {
		*w.of(&m) += m.Refreshed * w.share
	}
	m.Refreshed = 0
	return m
}
