package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nightshift/flinks/flinkstest"
)

// population says what bank logins a simulator has.
type population struct {
	Logins  int
	Seed    uint64
	Mix     flinkstest.Mix
	Latency flinkstest.Latency
	Faults  flinkstest.Faults
}

func (p *population) register(fs *pflag.FlagSet, logins, least int, latency flinkstest.Latency) {
	p.Latency = latency
	explained(fs, &p.Logins, "logins", logins, whole(least, mostLogins), "number of simulated bank logins")
	fs.Uint64Var(&p.Seed, "seed", 1, "decides everything that is left to chance")
	fs.Var(&parsed[flinkstest.Mix]{to: &p.Mix, kind: "weights", parse: parseMix}, "mix",
		"how the logins end, by weight, such as refreshed=85,mfa=5,reconnect=5,failed=5 (default: a realistic night)")
	fs.Var(&parsed[flinkstest.Latency]{to: &p.Latency, kind: "durations", parse: parseLatency}, "latency",
		"how long calls take, by median, such as cached=50ms,live=20s,detail=200ms,other=5ms; what is not named takes no time")
	fs.Var(&parsed[flinkstest.Faults]{to: &p.Faults, kind: "shares", parse: parseFaults}, "faults",
		"troubles by share of the calls, such as drop=0.01,html=0.01,error=0.02,throttle=0.01,hang=0.001,rate=500")
}

// mostLogins keeps a slip of the finger from filling the memory.
const mostLogins = 10_000_000

// parsed is a flag whose text is parsed into a struct.
type parsed[T any] struct {
	to    *T
	kind  string
	text  string
	parse func(string) (T, error)
}

func (p *parsed[T]) Set(text string) error {
	v, err := p.parse(text)
	if err == nil {
		*p.to, p.text = v, text
	}
	return err
}

func (p *parsed[T]) String() string { return p.text }
func (p *parsed[T]) Type() string   { return p.kind }

// explains marks the flag's errors as fit to be shown as they are.
func (p *parsed[T]) explains() {}

// pairs reads "name=value,name=value" with the names that are allowed.
func pairs(text string, set map[string]func(string) error) error {
	for pair := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		f, ok := set[name]
		if !ok {
			return fmt.Errorf("%q is none of %s", name, strings.Join(slices.Sorted(maps.Keys(set)), ", "))
		}
		if err := f(value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// parseMix leaves out who complains: the flag is named already.
func parseMix(text string) (flinkstest.Mix, error) {
	m, err := flinkstest.ParseMix(text)
	if err != nil {
		err = errors.New(strings.TrimPrefix(err.Error(), "flinkstest: mix: "))
	}
	return m, err
}

func parseLatency(text string) (flinkstest.Latency, error) {
	var l flinkstest.Latency
	median := func(to *flinkstest.Lognormal) func(string) error {
		return func(s string) error {
			d, err := time.ParseDuration(s)
			if err != nil || d < 0 {
				return fmt.Errorf("%q is no duration: write it like 50ms or 20s", s)
			}
			*to = flinkstest.Lognormal{Median: d, Sigma: 0.4}
			return nil
		}
	}
	err := pairs(text, map[string]func(string) error{
		"cached": median(&l.Cached), "live": median(&l.Live), "detail": median(&l.Detail), "other": median(&l.Other),
	})
	return l, err
}

func parseFaults(text string) (flinkstest.Faults, error) {
	var f flinkstest.Faults
	share := func(to *float64) func(string) error {
		return func(s string) (err error) {
			if *to, err = strconv.ParseFloat(s, 64); err != nil {
				err = fmt.Errorf("%q is no share: write it like 0.01", s)
			}
			return err
		}
	}
	err := pairs(text, map[string]func(string) error{
		"drop": share(&f.DropConnection), "error": share(&f.ServerError), "html": share(&f.HTML),
		"throttle": share(&f.Throttle), "hang": share(&f.Hang),
		"rate": func(s string) (err error) {
			if f.MaxRate, err = strconv.Atoi(s); err != nil {
				err = fmt.Errorf("%q is no number of calls a second", s)
			}
			return err
		},
	})
	if err == nil && f.Check() != nil {
		err = fmt.Errorf("%q: no share may be below 0, nor their sum above 1, nor the rate below 0", text)
	}
	return f, err
}

// simulator makes Flinks in a box, with a population that is scheduled.
func (p *population) simulator(o flinkstest.Options) (*flinkstest.Server, []flinkstest.Login) {
	o.Seed, o.Latency, o.Faults = p.Seed, p.Latency, p.Faults
	sim := flinkstest.New(o)
	logins := flinkstest.Population(p.Logins, p.Seed, p.Mix, time.Now())
	sim.Add(logins...)
	return sim, logins
}

func newSandboxCommand(a *app) *cobra.Command {
	var p population
	var o flinkstest.Options
	var addr, roster string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve a simulated Flinks for tests, with logins of every kind",
		Long: `Serves the Flinks API as it is documented, with simulated banks behind it: for
Nightshift and for any other client. The documented FlinksCapital test users
work by username and password; --logins adds a whole population.

  GET  /_sandbox/logins?format=csv&scheduled=1   the population, as a roster
  GET  /_sandbox/stats                           calls, by operation and code
  GET  /_sandbox/journal                         every call, NDJSON
  GET  /_sandbox/overlaps                        logins with two sessions at once
  POST /_sandbox/faults                          {"html":0.1} from now on
  POST /_sandbox/secret                          {"refused":true} as if it had expired`,
		Example: `  nightshift sandbox --addr 127.0.0.1:8900 --logins 1000 --roster logins.csv
  nightshift run --flinks-url http://127.0.0.1:8900 --roster logins.csv \
      --flinks-customer-id ` + flinkstest.DefaultCustomerID + ` \
      --flinks-secret-key ` + flinkstest.DefaultSecretKey + ` --flinks-api-key ` + flinkstest.DefaultAPIKey,
		GroupID: groupTools,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sim, logins := p.simulator(o)
			srv, url, err := serveSimulator(addr, sim)
			if err != nil {
				return fmt.Errorf("--addr: %w", err)
			}
			defer srv.Close()
			if roster != "" {
				if err := writeRoster(roster, logins); err != nil {
					return fmt.Errorf("--roster: %w", err)
				}
			}
			// It comes when all is ready, for a script that waits for it.
			err = json.NewEncoder(a.stdout).Encode(map[string]any{"url": url, "customerId": o.CustomerID, "logins": len(logins)})
			if err != nil {
				return err
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	p.register(cmd.Flags(), 0, 0, flinkstest.Latency{})
	fs := cmd.Flags()
	declare(fs, &addr, "addr", "127.0.0.1:8900", text(), "address to listen on; port 0 takes a free one")
	declare(fs, &o.CustomerID, "flinks-customer-id", flinkstest.DefaultCustomerID, text(), "the customer id that is known")
	declareFile(fs, &o.SecretKey, "flinks-secret-key", flinkstest.DefaultSecretKey, text(), "the secret key that is accepted")
	declareFile(fs, &o.APIKey, "flinks-api-key", flinkstest.DefaultAPIKey, text(), "the x-api-key that is accepted")
	fs.StringVar(&roster, "roster", "", "write the population's loginIds to this CSV file")
	a.settings(cmd)
	return cmd
}

// serveSimulator listens on addr and serves in the background.
func serveSimulator(addr string, sim *flinkstest.Server) (srv *http.Server, url string, err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, "", err
	}
	srv = &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }() // it ends with Close, and with nothing else
	return srv, "http://" + l.Addr().String(), nil
}

// writeRoster writes the logins as a roster, with the ending that each
// deserves in a column of its own.
func writeRoster(path string, logins []flinkstest.Login) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = rosterCSV(f, logins)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func rosterCSV(w io.Writer, logins []flinkstest.Login) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{"loginId", "institution", "ending"}) // the error comes with Flush
	for _, l := range logins {
		_ = c.Write([]string{l.ID, l.Institution, l.Ending()})
	}
	c.Flush()
	return c.Error()
}
