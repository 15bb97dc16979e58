package doctor

import (
	"context"
	"fmt"
)

// Found is how a part was found.
type Found string

// How a part may be found.
const (
	OK      Found = "ok"
	Warning Found = "warning" // work goes on, but somebody should look
	Broken  Found = "broken"  // jobs wait, or a promise cannot be kept
	Skipped Found = "skipped" // it could not be looked at, or there is nothing to look at
)

// Check is what was found about one part.
type Check struct {
	Name  string   `json:"name"` // fixed, for scripts
	Found Found    `json:"found"`
	Says  string   `json:"says"`           // one sentence for people, without secrets
	Mend  []string `json:"mend,omitempty"` // what to type or to set

	// fix mends it and says what was done. Nil: that is left to people.
	fix func(context.Context) (string, error)
}

func ok(name, format string, args ...any) Check {
	return Check{Name: name, Found: OK, Says: fmt.Sprintf(format, args...)}
}

func warning(name, format string, args ...any) Check {
	return Check{Name: name, Found: Warning, Says: fmt.Sprintf(format, args...)}
}

func broken(name, format string, args ...any) Check {
	return Check{Name: name, Found: Broken, Says: fmt.Sprintf(format, args...)}
}

func skipped(name, why string) Check { return Check{Name: name, Found: Skipped, Says: why} }

// mend adds what mends it.
func (c Check) mend(lines ...string) Check {
	c.Mend = append(c.Mend, lines...)
	return c
}

// Count counts the checks that were found so.
func Count(checks []Check, f Found) (n int) {
	for _, c := range checks {
		if c.Found == f {
			n++
		}
	}
	return n
}
