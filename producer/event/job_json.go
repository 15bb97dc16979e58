package event

import (
	"encoding/json"
	"maps"
)

// wireJob is Job without its methods.
type wireJob Job

// knownFields are the names of the fields that wireJob has.
var knownFields = []string{
	"version", "loginId", "cycle", "lane", "mode", "attempt", "phase", "requestId",
	"notAfter", "options", "institution", "published", "spent",
}

// UnmarshalJSON reads the fields it knows and keeps the others in Extra.
func (j *Job) UnmarshalJSON(data []byte) error {
	if own, ok := readJob(string(data)); ok {
		*j = own
		return nil
	}
	var w wireJob
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if err := json.Unmarshal(data, &w.Extra); err != nil {
		return err
	}
	for _, name := range knownFields {
		delete(w.Extra, name)
	}
	if len(w.Extra) == 0 {
		w.Extra = nil
	}
	*j = Job(w)
	return nil
}

// MarshalJSON writes the fields it knows and those kept in Extra.
func (j Job) MarshalJSON() ([]byte, error) {
	w := writer{buf: make([]byte, 0, 512)}
	w.buf = append(w.buf, '{')
	w.job(&j)
	w.buf = append(w.buf, '}')
	if w.err != nil || len(j.Extra) == 0 {
		return w.buf, w.err
	}
	all := maps.Clone(j.Extra)
	if err := json.Unmarshal(w.buf, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}
