package flinkstest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// institutions are the banks of a population; all but the first are invented.
var institutions = []struct {
	name string
	id   int
}{
	{"FlinksCapital", 14}, {"Northern Lantern Bank", 9001}, {"Maple Mock Credit Union", 9002},
	{"Harbour Sandbox Trust", 9003}, {"Prairie Pretend Savings", 9004}, {"Caisse Imaginaire", 9005},
}

// Population returns n logins of a realistic night that starts at now: the
// same for the same arguments. All are scheduled and eligible by age. The
// weights of the mix are met exactly, and from 300 logins on every code that
// may end a login's refresh is met at least once in each kind that has weight.
// Codes that blame the caller's own set-up come with Mix.Config alone.
func Population(n int, seed uint64, mix Mix, now time.Time) []Login {
	r := rand.New(rand.NewPCG(seed, 0))
	logins := make([]Login, 0, n)
	for kind, count := range quotas(n, mix.spread()) {
		for i := range count {
			logins = append(logins, kinds[kind].login(i, r, now))
		}
	}
	r.Shuffle(len(logins), func(i, j int) { logins[i], logins[j] = logins[j], logins[i] })
	for i := range logins {
		bank := institutions[weighted(r, len(institutions))]
		l := &logins[i]
		l.ID = guid(mix64(seed^mix64(uint64(i))), mix64(seed+mix64(^uint64(i))))
		l.Username = fmt.Sprintf("night_owl_%06d", i)
		l.Institution, l.InstitutionID, l.Scheduled = bank.name, bank.id, true
		l.Accounts, l.Transactions = 1+r.IntN(3), r.IntN(40)
	}
	return logins
}

// weighted draws an index; the first banks have the most customers.
func weighted(r *rand.Rand, n int) int { return min(r.IntN(n), r.IntN(n)) }

// login makes the i-th login of a kind.
func (k kind) login(i int, r *rand.Rand, now time.Time) Login {
	var v variant
	if j := i - len(k.once); j < 0 {
		v = k.once[i]
	} else {
		v = k.variants[j%len(k.variants)]
	}
	age := time.Hour + time.Duration(r.Int64N(int64(11*time.Hour)))
	if v.stale {
		age = 26*time.Hour + time.Duration(r.Int64N(int64(4*24*time.Hour)))
	}
	return Login{
		LastRefresh: now.Add(-age), Last: v.last, Live: v.live, Detail: v.detail, Attributes: v.attributes,
	}
}

// quotas shares n logins out among the kinds by the largest remainder.
func quotas(n int, m Mix) []int {
	sum := 0.0
	for _, k := range kinds {
		sum += *m.named(k.name)
	}
	counts := make([]int, len(kinds))
	rest := make([]float64, len(kinds))
	left := n
	for i, k := range kinds {
		exact := float64(n) * *m.named(k.name) / sum
		counts[i] = int(exact)
		rest[i] = exact - float64(counts[i])
		left -= counts[i]
	}
	for ; left > 0; left-- {
		i := slices.Index(rest, slices.Max(rest))
		counts[i]++
		rest[i] = -1
	}
	if n >= 300 {
		fill(counts, m)
	}
	return counts
}

// fill gives every kind with weight as many logins as it has variants, taken
// from the largest kind.
func fill(counts []int, m Mix) {
	for i, k := range kinds {
		want := len(k.once) + len(k.variants)
		if *m.named(k.name) == 0 || counts[i] >= want {
			continue
		}
		most := slices.Index(counts, slices.Max(counts))
		if counts[most]-(want-counts[i]) < len(kinds[most].variants) {
			continue
		}
		counts[most] -= want - counts[i]
		counts[i] = want
	}
}
