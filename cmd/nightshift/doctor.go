package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"nightshift/cmd/nightshift/internal/doctor"
	"nightshift/cmd/nightshift/internal/local"
	"nightshift/cmd/nightshift/internal/ui"
	"nightshift/producer"
)

const doctorLong = `Looks at each part that Nightshift needs and says how it was found, what that
means, and what to type to mend it: NATS and JetStream with their streams and
consumers, jobs that nobody works off, Redis, clocks, and Flinks, of which it
asks an authorize token. Give it the settings of your workers.

It changes nothing. With --fix it mends what can be mended without danger:
streams, consumers and the object store that are missing are created, and jobs
that no worker would ever get are queued again. It never changes a setting,
since somebody may have meant it: what to type for that is printed.

Each part has a few seconds to answer, so that a server which hangs does not
keep the doctor. What depends on a part that is down is skipped. Without
--nats-url it looks at the embedded servers in --data, while nobody uses them.
The x-api-key is not tried: it opens only the data of a login.

It ends with 0 if nothing is broken, warnings or not, and else with 1.`

const doctorExample = `  nightshift doctor --nats-url nats://nats:4222 --redis-url redis://redis:6379/0

  Mend what is safe to mend, and look again:
    nightshift doctor --fix

  What is broken, for a script:
    nightshift doctor --json | jq -r '.checks[] | select(.found=="broken") | "\(.name): \(.says)"'`

func newDoctorCommand(a *app) *cobra.Command {
	var s storeSettings
	var f flinksSettings
	var logs logSettings
	var fix, asJSON bool
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Check every part, and say what mends it",
		Long:    doctorLong,
		Example: doctorExample,
		GroupID: groupLook,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.mustExist(); err != nil {
				return err
			}
			log := a.logger(logs)
			st := &stores{}
			defer st.Close()
			p, err := patient(cmd.Context(), st, &s, &f, log)
			if err != nil {
				return err
			}
			d := diagnosis{app: a, style: ui.StyleOf(a.stdout, a.env.noColor()), quiet: asJSON}
			if err := d.run(cmd.Context(), p, fix); err != nil {
				return err
			}
			if asJSON {
				if err := d.json(); err != nil {
					return err
				}
			}
			if doctor.Count(d.checks, doctor.Broken) > 0 {
				return exit(exitTrouble, nil)
			}
			return nil
		},
	}
	a.settings(cmd, &s, &f, &logs)
	cmd.Flags().BoolVar(&fix, "fix", false, "mend what can be mended without danger, and look again")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one object with all checks")
	return cmd
}

// patient connects to what the settings name. What cannot be reached is a part
// of the diagnosis; an error is about the settings themselves.
func patient(ctx context.Context, st *stores, s *storeSettings, f *flinksSettings, log *slog.Logger) (*doctor.Patient, error) {
	p := &doctor.Patient{Setup: producer.Setup{Replicas: s.Replicas, AccountsTTL: s.AccountsTTL}}
	if f.URL != "" {
		client, err := f.client(1)
		if err != nil {
			return nil, err
		}
		st.later(client.HTTP.CloseIdleConnections)
		p.Flinks = client
	}
	p.NATS.Where, p.Redis.Where = s.where(s.NATSURL, "nats"), s.where(s.RedisURL, "redis")
	p.Redis.Err = s.noRedis()
	if s.NATSURL == "" {
		if err := st.lock(s); err != nil {
			p.NATS.Err = err
			if s.RedisURL == "" && p.Redis.Err == nil {
				p.Redis.Err = err
			}
		}
	}
	if p.NATS.Err == nil {
		p.NATS.Err = st.openNATS(ctx, s, log, tryNATS)
		p.Conn, p.JS = st.conn, st.JS
	}
	if p.Redis.Err == nil {
		p.Redis.Err = st.openRedis(ctx, s, log)
		p.State = st.State
	}
	return p, nil
}

// where names a server for people.
func (s *storeSettings) where(url Address, dir string) string {
	if url == "" {
		return "the embedded server in " + filepath.Join(s.Data, dir)
	}
	return url.String()
}

// noRedis says why there is no Redis to look at, if so.
func (s *storeSettings) noRedis() error {
	switch {
	case s.RedisURL != "":
		return nil
	case s.NATSURL != "":
		return doctor.ErrOwnRedis
	case !local.RedisInstalled():
		return doctor.ErrStandIn
	}
	if _, err := os.Stat(filepath.Join(s.Data, "redis")); errors.Is(err, fs.ErrNotExist) {
		return doctor.ErrUnused
	}
	return nil
}

// diagnosis is what an examination found, as it is printed.
type diagnosis struct {
	*app
	style  ui.Style
	quiet  bool
	checks []doctor.Check
	mended []doctor.Mended
}

// run looks at everything. With fix it mends what it can, and looks again.
func (d *diagnosis) run(ctx context.Context, p *doctor.Patient, fix bool) error {
	d.checks = doctor.Examine(ctx, p, d.check)
	if fix && ctx.Err() == nil {
		d.say("\n")
		d.mended = doctor.Mend(ctx, d.checks, d.mend)
		if len(d.mended) > 0 {
			d.say("\nLooking again:\n")
			d.checks = doctor.Examine(ctx, p, d.check)
		} else {
			d.say("Nothing is mended: %s.\n", d.whyNothing())
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.closing()
	return nil
}

func (d *diagnosis) whyNothing() string {
	if doctor.Count(d.checks, doctor.Broken)+doctor.Count(d.checks, doctor.Warning) == 0 {
		return "there is no need"
	}
	return "what is wrong is left to you, as the lines above say"
}

func (d *diagnosis) check(c doctor.Check) {
	d.write(ui.Check{Mark: string(c.Found), Name: c.Name, Says: c.Says, Mend: c.Mend})
}

func (d *diagnosis) mend(m doctor.Mended) {
	c := ui.Check{Mark: "mended", Name: m.Name, Says: m.Did}
	if m.Err != "" {
		c.Mark, c.Says = string(doctor.Broken), "not mended: "+m.Err
	}
	d.write(c)
}

func (d *diagnosis) write(c ui.Check) {
	if !d.quiet {
		ui.WriteCheck(d.stdout, d.style, c)
	}
}

func (d *diagnosis) say(format string, args ...any) {
	if !d.quiet {
		d.printf(format, args...)
	}
}

// closing counts what was found.
func (d *diagnosis) closing() {
	n := func(f doctor.Found) int { return doctor.Count(d.checks, f) }
	d.say("\n%d broken, %s, %d ok, %d skipped\n", n(doctor.Broken), counted(n(doctor.Warning), "warning", "warnings"),
		n(doctor.OK), n(doctor.Skipped))
}

// json prints the diagnosis as one object.
func (d *diagnosis) json() error {
	enc := json.NewEncoder(d.stdout)
	enc.SetEscapeHTML(false) // What is to be typed holds an ampersand.
	return enc.Encode(struct {
		OK     bool            `json:"ok"` // Nothing is broken.
		Checks []doctor.Check  `json:"checks"`
		Mended []doctor.Mended `json:"mended,omitempty"`
	}{doctor.Count(d.checks, doctor.Broken) == 0, d.checks, d.mended})
}
