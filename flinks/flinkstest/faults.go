package flinkstest

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// The words for what can happen to a call on the wire, in scripts and in the
// journal.
const (
	FaultDrop        = "drop"         // The connection is cut; nothing was done.
	FaultLost        = "lost"         // All was done; the connection is cut before the reply.
	FaultServerError = "server_error" // A 5xx of a proxy, without a FlinksCode.
	FaultHTML        = "html"         // A page of a proxy, with status 200.
	FaultThrottle    = "throttle"     // TOO_MANY_REQUESTS.
	FaultHang        = "hang"         // No reply at all, until the client leaves.
)

// Faults are troubles that befall calls at random, whoever makes them. Each
// but MaxRate is a probability from 0 to 1; together they may not pass 1.
type Faults struct {
	// DropConnection cuts the connection; half of the times after the call was
	// carried out (FaultLost).
	DropConnection float64 `json:"dropConnection"`
	ServerError    float64 `json:"serverError"`
	HTML           float64 `json:"html"`
	Throttle       float64 `json:"throttle"`
	Hang           float64 `json:"hang"`
	// MaxRate is the number of calls in a second above which the server answers
	// TOO_MANY_REQUESTS; 0 means no bound.
	MaxRate int `json:"maxRate"`
}

// Check reports what is wrong with the numbers.
func (f Faults) Check() error {
	sum := 0.0
	for _, p := range []float64{f.DropConnection, f.ServerError, f.HTML, f.Throttle, f.Hang} {
		if !(p >= 0) {
			return fmt.Errorf("flinkstest: faults: a probability is below 0")
		}
		sum += p
	}
	if sum > 1 || f.MaxRate < 0 {
		return fmt.Errorf("flinkstest: faults: probabilities sum up to %g (at most 1), maxRate is %d (at least 0)", sum, f.MaxRate)
	}
	return nil
}

// SetFaults replaces the faults in force.
func (s *Server) SetFaults(f Faults) { s.faults.Store(&f) }

// drawFault says what befalls a call, mostly nothing.
func (s *Server) drawFault(c *call) string {
	f := s.faults.Load()
	if f.MaxRate > 0 && !s.rate.allow(c.start, f.MaxRate) {
		return FaultThrottle
	}
	rate := *f
	if rate.MaxRate = 0; rate == (Faults{}) {
		return ""
	}
	u := s.random(c).Float64()
	for _, one := range []struct {
		p    float64
		word string
	}{
		{f.DropConnection / 2, FaultDrop}, {f.DropConnection / 2, FaultLost},
		{f.ServerError, FaultServerError}, {f.HTML, FaultHTML},
		{f.Throttle, FaultThrottle}, {f.Hang, FaultHang},
	} {
		if u < one.p {
			return one.word
		}
		u -= one.p
	}
	return ""
}

// befall turns a reply that carries a fault into what the client will see.
func (s *Server) befall(c *call, rep reply) reply {
	switch rep.fault {
	case FaultHang:
		<-c.r.Context().Done()
		c.gone = true
	case FaultThrottle:
		rep = c.refuse("TOO_MANY_REQUESTS")
		rep.fault = FaultThrottle
	case FaultServerError:
		status := []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable}[c.seq%3]
		return reply{status: status, fault: rep.fault, ctype: "text/plain; charset=utf-8", raw: []byte(http.StatusText(status) + "\n")}
	case FaultHTML:
		return reply{
			status: http.StatusOK, fault: rep.fault, ctype: "text/html; charset=utf-8",
			raw: []byte("<html><head><title>Please wait</title></head><body>Checking your browser</body></html>\n"),
		}
	}
	return rep
}

// rateWindow counts the calls of the present second.
type rateWindow struct {
	mu     sync.Mutex
	second int64
	calls  int
}

func (w *rateWindow) allow(now time.Time, most int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if sec := now.Unix(); sec != w.second {
		w.second, w.calls = sec, 0
	}
	w.calls++
	return w.calls <= most
}
