package flinkstest

import (
	"math"
	"math/rand/v2"
	"time"
)

// Latency is how long calls take, by what they do. The zero value takes no
// time at all.
type Latency struct {
	Cached Lognormal // Authorize from the cache.
	Live   Lognormal // Authorize at the bank, and the answers to its questions.
	Detail Lognormal // The data and the Attributes endpoints.
	Other  Lognormal // Everything else.
}

// Lognormal is a distribution of durations as networks and banks have them:
// half are below Median, and a larger Sigma makes a longer tail. Sigma 0 means
// Median each time.
type Lognormal struct {
	Median time.Duration
	Sigma  float64
}

// duration draws from a distribution, unless a script says how long.
func (s *Server) duration(c *call, d Lognormal, scripted time.Duration) time.Duration {
	switch {
	case scripted > 0:
		return scripted
	case d.Median <= 0:
		return 0
	case d.Sigma <= 0:
		return d.Median
	}
	return time.Duration(float64(d.Median) * math.Exp(d.Sigma*s.random(c).NormFloat64()))
}

// random is the call's own source: what befalls one call does not depend on
// the others.
func (s *Server) random(c *call) *rand.Rand {
	return rand.New(rand.NewPCG(s.opts.Seed, mix64(c.seq)))
}

// pause lets a call take its time and reports whether the client still waits.
func (s *Server) pause(c *call, d Lognormal, scripted time.Duration) bool {
	return c.sleep(s.duration(c, d, scripted))
}

func (c *call) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.r.Context().Done():
		c.gone = true
		return false
	}
}
