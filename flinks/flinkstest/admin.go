package flinkstest

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
)

// adminRoot is where the routes of the process form are, outside the API.
const adminRoot = "/_sandbox/"

// admin answers the routes that the package documentation lists.
func (s *Server) admin(w http.ResponseWriter, r *http.Request, path string) {
	switch r.Method + " " + path {
	case "GET health":
		sendJSON(w, http.StatusOK, map[string]any{"status": "ok", "logins": len(s.cards.list())})
	case "GET journal":
		s.sendJournal(w, r)
	case "GET overlaps":
		found := s.Overlaps()
		if found == nil {
			found = []Overlap{}
		}
		sendJSON(w, http.StatusOK, found)
	case "GET stats":
		sendJSON(w, http.StatusOK, s.adminStats(r.FormValue("full") != ""))
	case "GET logins":
		s.sendLogins(w, r)
	case "POST faults":
		var f Faults
		if !readJSON(w, r, &f, func() error { return f.Check() }) {
			return
		}
		s.SetFaults(f)
		sendJSON(w, http.StatusOK, f)
	case "POST secret":
		var req struct {
			Refused bool `json:"refused"`
		}
		if !readJSON(w, r, &req, nil) {
			return
		}
		s.RefuseSecret(req.Refused)
		sendJSON(w, http.StatusOK, req)
	default:
		sendJSON(w, http.StatusNotFound, map[string]string{"error": "no such route: " + r.Method + " " + r.URL.Path})
	}
}

// adminStats are the server's counters and the most calls that any login saw.
func (s *Server) adminStats(full bool) any {
	out := struct {
		Stats
		Most   LoginStats            `json:"most"`
		Sum    LoginStats            `json:"sum"`
		Logins map[string]LoginStats `json:"logins,omitempty"`
	}{Stats: s.Stats()}
	all := s.LoginStats()
	for _, l := range all {
		out.Most = out.Most.join(l, func(a, b int) int { return max(a, b) })
		out.Sum = out.Sum.join(l, func(a, b int) int { return a + b })
	}
	if full {
		out.Logins = all
	}
	return out
}

func (l LoginStats) join(m LoginStats, by func(a, b int) int) LoginStats {
	return LoginStats{
		Live: by(l.Live, m.Live), Cached: by(l.Cached, m.Cached), Detail: by(l.Detail, m.Detail),
		Polls: by(l.Polls, m.Polls), Attributes: by(l.Attributes, m.Attributes),
	}
}

func (s *Server) sendJournal(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseUint(r.FormValue("after"), 10, 64) // What is no number is 0.
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for _, c := range s.Journal() {
		if c.Seq <= after {
			continue
		}
		if enc.Encode(c) != nil {
			return // The client has left.
		}
	}
}

// loginRow is a login as the logins route shows it.
type loginRow struct {
	LoginID     string `json:"loginId"`
	Institution string `json:"institution"`
	Ending      string `json:"ending"`
}

// sendLogins lists the logins in the order they were added, with the ending
// that each deserved then.
func (s *Server) sendLogins(w http.ResponseWriter, r *http.Request) {
	var rows []loginRow
	for _, k := range s.cards.list() {
		if r.FormValue("scheduled") == "" || k.Scheduled {
			rows = append(rows, loginRow{k.ID, k.Institution, k.ending})
		}
	}
	if r.FormValue("format") == "csv" {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		out := csv.NewWriter(w)
		_ = out.Write([]string{"loginId", "institution", "ending"}) // The client may have left; Flush ends it.
		for _, row := range rows {
			_ = out.Write([]string{row.LoginID, row.Institution, row.Ending})
		}
		out.Flush()
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for _, row := range rows {
		if enc.Encode(row) != nil {
			return
		}
	}
}

// readJSON decodes a body strictly: a misspelled fault would otherwise be none.
func readJSON(w http.ResponseWriter, r *http.Request, into any, check func() error) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil && check != nil {
		err = check()
	}
	if err != nil {
		sendJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
	}
	return err == nil
}

func sendJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // A client that has left is no trouble of the server's.
}
