package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// span is a time with a beginning and an end.
type span struct{ from, to time.Time }

// evidence is what a drill leaves behind, whatever anybody says about it.
type evidence struct {
	began    time.Time
	deserved map[string]string                // the ending that each login's script asks for
	told     map[string][]string              // the types that were told, by loginId
	calls    map[string]event.Calls           // as the first outcome tells
	jobs     int                              // messages left in the stream of jobs
	dead     int                              // messages that were no valid job
	overlaps []flinkstest.Overlap             // two sessions of one login at once
	lapses   []span                           // when Redis had lost its memory
	bank     map[string]flinkstest.LoginStats // what the banks saw
	mistakes int                              // calls that no correct client makes
	secrets  int                              // log lines that hold a secret
	exits    int                              // replicas that ended by themselves
	panics   int                              // log lines that tell of a panic or a race
	peak     int64                            // the most memory of a replica, bytes
}

// gather reads the streams, the simulator and the logs.
func (d *drill) gather(ctx context.Context) (*evidence, error) {
	e := &evidence{began: d.began, told: map[string][]string{}, calls: map[string]event.Calls{}, lapses: d.lapses, exits: d.exits}
	var err error
	if e.deserved, err = d.deserved(); err != nil {
		return nil, err
	}
	if err := d.readOutcomes(ctx, e); err != nil {
		return nil, fmt.Errorf("read outcomes: %w", err)
	}
	if e.jobs, err = d.count(ctx, event.StreamJobs); err != nil {
		return nil, err
	}
	if e.dead, err = d.count(ctx, event.StreamDead); err != nil {
		return nil, err
	}
	if err := d.get(ctx, "overlaps", &e.overlaps); err != nil {
		return nil, err
	}
	var stats struct {
		Mistakes int
		Logins   map[string]flinkstest.LoginStats
	}
	if err := d.get(ctx, "stats?full=1", &stats); err != nil {
		return nil, err
	}
	e.bank, e.mistakes = stats.Logins, stats.Mistakes
	for _, r := range d.replicas {
		r.mu.Lock()
		r.note()
		e.peak = max(e.peak, r.peak)
		r.mu.Unlock()
	}
	return e, d.readLogs(e)
}

// keepJournal writes down all calls of the logins that a finding names.
func (d *drill) keepJournal(ctx context.Context, findings []finding) error {
	var detail []string
	for _, f := range findings {
		if !f.OK && f.Detail != "" {
			detail = append(detail, f.Detail)
		}
	}
	named := strings.Join(detail, " ")
	if named == "" {
		return nil
	}
	resp, err := d.open(ctx, "journal")
	if err != nil {
		return err
	}
	defer resp.Close()
	f, err := os.Create(filepath.Join(d.dir, "calls.ndjson"))
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := bufio.NewScanner(resp); lines.Scan(); {
		var call flinkstest.Call
		if err := json.Unmarshal(lines.Bytes(), &call); err == nil && call.LoginID != "" && strings.Contains(named, call.LoginID) {
			fmt.Fprintln(f, lines.Text())
		}
	}
	return nil
}

// readOutcomes reads the whole stream.
func (d *drill) readOutcomes(ctx context.Context, e *evidence) error {
	cons, err := d.js.OrderedConsumer(ctx, event.StreamOutcomes, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	info, err := cons.Info(ctx)
	if err != nil || info.NumPending == 0 {
		return err
	}
	messages, err := cons.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		o, err := event.DecodeOutcome(msg.Data())
		if err != nil {
			return err
		}
		if len(e.told[o.LoginID]) == 0 {
			e.calls[o.LoginID] = o.Calls
		}
		e.told[o.LoginID] = append(e.told[o.LoginID], string(o.Type))
		if meta, err := msg.Metadata(); err != nil || meta.NumPending == 0 {
			return err
		}
	}
}

func (d *drill) count(ctx context.Context, stream string) (int, error) {
	s, err := d.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	return int(s.CachedInfo().State.Msgs), nil
}

// deserved reads the last column of the roster.
func (d *drill) deserved() (map[string]string, error) {
	f, err := os.Open(d.roster)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	all := make(map[string]string, len(rows))
	for _, r := range rows[1:] {
		all[r[0]] = r[2]
	}
	return all, nil
}

// readLogs looks for what must not stand in them.
func (d *drill) readLogs(e *evidence) error {
	logs, err := filepath.Glob(filepath.Join(d.dir, "*.log"))
	if err != nil {
		return err
	}
	for _, name := range logs {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(data) {
			text := string(line)
			if strings.Contains(text, flinkstest.DefaultSecretKey) || strings.Contains(text, flinkstest.DefaultAPIKey) {
				e.secrets++
			}
			if strings.HasPrefix(text, "panic:") || strings.Contains(text, "DATA RACE") || strings.HasPrefix(text, "fatal error:") {
				e.panics++
			}
		}
	}
	return nil
}
