package event

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// reader reads a JSON object of the very form that [writer] writes, which
// encoding/json takes ten times as long for. Whatever else it meets, it leaves
// to that.
type reader struct {
	rest  string // what is not read yet
	first bool   // no member of the object was read yet
	bad   bool   // it has another form
}

// skip passes text over, which must be what follows.
func (r *reader) skip(text string) {
	rest, ok := strings.CutPrefix(r.rest, text)
	r.rest, r.bad = rest, r.bad || !ok
}

// object reads an object by its members.
func (r *reader) object(members func()) {
	r.skip("{")
	r.first = true
	members()
	r.first = false
	r.skip("}")
}

// has passes the name of a member over if it is what follows.
func (r *reader) has(name string) bool {
	rest, ok := r.rest, true
	if !r.first {
		rest, ok = strings.CutPrefix(rest, ",")
	}
	end := len(name) + len(`"":`)
	if !ok || len(rest) < end || rest[0] != '"' || rest[1:end-2] != name || rest[end-2:end] != `":` {
		return false
	}
	r.rest, r.first = rest[end:], false
	return true
}

// must passes the name of a member over, which must be what follows.
func (r *reader) must(name string) { r.bad = !r.has(name) || r.bad }

// text reads a text without escapes.
func (r *reader) text() string {
	r.skip(`"`)
	text, rest, ok := strings.Cut(r.rest, `"`)
	r.rest, r.bad = rest, r.bad || !ok || strings.ContainsFunc(text, needsEscape) || !utf8.ValidString(text)
	return text
}

func needsEscape(c rune) bool { return c < ' ' || c == '\\' }

// number reads a whole number that is not negative.
func (r *reader) number() int {
	n := 0
	for n < len(r.rest) && isDigit(rune(r.rest[n])) {
		n++
	}
	digits := r.rest[:n]
	value, err := strconv.Atoi(digits)
	r.rest, r.bad = r.rest[n:], r.bad || err != nil || n > 1 && digits[0] == '0'
	return value
}

func (r *reader) time() (t time.Time) {
	err := t.UnmarshalText([]byte(r.text()))
	r.bad = r.bad || err != nil
	return t
}

// readJob reads a job of the form that it is written in; false: it has another.
func readJob(text string) (j Job, ok bool) {
	r := reader{rest: text}
	r.object(func() { r.job(&j) })
	return j, !r.bad && r.rest == ""
}

// job reads a job's members, in the order of its fields.
func (r *reader) job(j *Job) {
	r.must("version")
	j.Version = r.number()
	r.must("loginId")
	j.LoginID = r.text()
	r.must("cycle")
	j.Cycle = r.text()
	r.must("lane")
	j.Lane = Lane(r.text())
	r.must("mode")
	j.Mode = Mode(r.text())
	r.must("attempt")
	j.Attempt = r.number()
	if r.has("phase") {
		j.Phase = Phase(r.text())
	}
	if r.has("requestId") {
		j.RequestID = r.text()
	}
	if r.has("notAfter") {
		j.NotAfter = r.time()
	}
	if r.has("options") {
		r.object(func() { r.options(&j.Options) })
	}
	if r.has("institution") {
		j.Institution = r.text()
	}
	r.must("published")
	j.Published = r.time()
	if r.has("spent") {
		r.object(func() { r.spent(&j.Spent) })
	}
}

func (r *reader) options(o *Options) {
	if r.has("attributes") {
		o.Attributes = r.text()
	}
	if r.has("daysOfTransactions") {
		o.DaysOfTransactions = r.number()
	}
}

func (r *reader) spent(s *Spent) {
	for _, member := range []struct {
		name string
		into *int
	}{
		{"cached", &s.Cached}, {"live", &s.Live}, {"reauthorized", &s.Reauthorized},
		{"failures", &s.Failures}, {"queued", &s.Queued}, {"doubted", &s.Doubted},
	} {
		if r.has(member.name) {
			*member.into = r.number()
		}
	}
	if r.has("pendingSince") {
		s.PendingSince = r.time()
	}
	if r.has("started") {
		s.Started = r.time()
	}
	if r.has("flinksCode") {
		s.FlinksCode = r.text()
	}
}
