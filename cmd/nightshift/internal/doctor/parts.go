package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer"
	"nightshift/producer/event"
)

// parts looks at the settings of the streams, the consumers and the object
// store.
func (v *visit) parts(ctx context.Context) []Check {
	var checks []Check
	for _, p := range v.Setup.Check(ctx, v.JS) {
		checks = append(checks, judgePart(p))
	}
	return checks
}

func judgePart(p producer.Part) Check {
	differs, ok := errors.AsType[*producer.DiffersError](p.Err)
	switch {
	case p.Err == nil:
		return Check{Name: p.Name, Found: OK, Says: "it is there, with the settings that it needs"}
	case p.Missing():
		c := broken(p.Name, "it is missing").mend("nightshift setup")
		c.fix = func(ctx context.Context) (string, error) {
			return "created", p.Create(ctx)
		}
		return c
	case ok:
		return broken(p.Name, "its %s is %s, and must be %s", differs.Setting, plain(differs.Got), plain(differs.Want)).
			mend(change(differs)...)
	case unavailable(p.Err):
		return broken(p.Name, "it has no leader, or does not answer").mend(startServers)
	}
	return broken(p.Name, "it cannot be looked at: %s", said(p.Err)).mend("look at the NATS server's log")
}

// unavailable reports that the server says so, or nothing.
func unavailable(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && api.Code == http.StatusServiceUnavailable || errors.Is(err, context.DeadlineExceeded)
}

// change is how the setting of a part is mended. No work is lost when a
// consumer is made anew: the jobs are in the stream.
func change(d *producer.DiffersError) []string {
	if name, ok := strings.CutPrefix(d.Part, "consumer "); ok {
		return []string{fmt.Sprintf("nats consumer rm %s %s --force && nightshift setup", event.StreamJobs, name)}
	}
	name := strings.TrimPrefix(d.Part, "stream ")
	if bucket, ok := strings.CutPrefix(d.Part, "object store "); ok {
		name = "OBJ_" + bucket
	}
	var lines []string
	if flag := streamFlag(d.Setting, d.Want); flag != "" {
		lines = append(lines, fmt.Sprintf("nats stream edit %s %s", name, flag))
	} else {
		lines = append(lines, "give Nightshift a NATS account of its own: this setting cannot be changed in a stream that is there")
	}
	switch {
	case d.Setting == "num_replicas":
		lines = append(lines, "or, to leave it as it is, without --replicas")
	case d.Setting == "ttl", d.Setting == "max_age" && name == event.StreamAccounts:
		lines = append(lines, "or, to leave it as it is, without --accounts-ttl")
	}
	return lines
}

// streamFlag sets a setting of a stream with NATS' own tool; empty: the server
// lets nobody change it.
func streamFlag(setting string, want any) string {
	switch setting {
	case "allow_msg_schedules":
		return "--allow-schedules"
	case "allow_direct":
		return "--allow-direct"
	case "no_ack":
		return "--ack"
	case "subject_transform":
		return "--no-transform"
	case "duplicate_window":
		return "--dupe-window=" + plain(want)
	case "num_replicas":
		return "--replicas=" + plain(want)
	case "ttl":
		return "--max-age=" + plain(want)
	case "subjects":
		return "--subjects='" + plain(want) + "'"
	case "discard", "compression", "max_age", "max_msgs", "max_bytes", "max_msgs_per_subject", "max_msg_size":
		return "--" + strings.ReplaceAll(setting, "_", "-") + "=" + plain(want)
	}
	return ""
}

// plain writes a setting as JetStream's tools do.
func plain(value any) string {
	switch v := value.(type) {
	case time.Duration:
		return hours(v)
	case []string:
		return strings.Join(v, ",")
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return strings.Trim(string(text), `"`)
}
