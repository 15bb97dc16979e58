package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// number reads the first two parts of a version such as 2.15.2 or v7.0-rc1.
func number(version string) (major, minor int, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	digits, _, _ := strings.Cut(parts[1], "-")
	major, err := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(digits)
	return major, minor, err == nil && err2 == nil
}

// known reports whether the text is a version.
func known(version string) bool {
	_, _, ok := number(version)
	return ok
}

// older reports whether the version is below major.minor.
func older(version string, major, minor int) bool {
	a, b, _ := number(version)
	return a < major || a == major && b < minor
}

// bytesOf writes a number of bytes for people.
func bytesOf(n uint64) string {
	units := []string{"KiB", "MiB", "GiB", "TiB"}
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	for i, unit := range units {
		if f /= 1024; f < 1024 || i == len(units)-1 {
			return fmt.Sprintf("%.1f %s", f, unit)
		}
	}
	return ""
}

// spanOf writes how long something lasts, no finer than is worth reading.
func spanOf(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return d.String()
	case d < 48*time.Hour:
		return hours(d.Round(time.Minute))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// hours writes a duration without the zero units at its end.
func hours(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// said words an error: a time-out is the rule with servers that hang.
func said(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return err.Error()
}

// jobsOf counts jobs.
func jobsOf(n uint64, words string) string {
	if n == 1 {
		return "1 job" + words
	}
	return fmt.Sprintf("%d jobs%s", n, words)
}

// fullness judges how much of a limit is used up.
func fullness(name string, used, limit uint64, of, then, mend string) Check {
	percent := int(float64(used) / float64(limit) * 100)
	says := fmt.Sprintf("%s of %s used, %d %%", bytesOf(used), of, percent)
	switch {
	case percent >= 95:
		return broken(name, "%s: %s", says, then).mend(mend)
	case percent >= 80:
		return warning(name, "%s: %s", says, then).mend(mend)
	}
	return ok(name, "%s", says)
}

// severity orders findings.
func severity(f Found) int { return slices.Index([]Found{OK, Skipped, Warning, Broken}, f) }
