package ui

import (
	"fmt"
	"strconv"
	"time"
)

// number writes n with a comma between thousands.
func number(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// rate writes a number per second with as many digits as are worth reading.
func rate(perSecond float64) string {
	if perSecond < 10 {
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return number(int(perSecond + 0.5))
}

// seconds writes a time span to a tenth of a second, from a minute on to a
// second.
func seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1f s", s)
	}
	return (time.Duration(s+0.5) * time.Second).String()
}
