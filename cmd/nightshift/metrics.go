package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/pflag"

	"nightshift/consumer"
	"nightshift/producer/event"
)

// metricsSettings say where a process tells Prometheus how it is getting on.
type metricsSettings struct {
	Addr string // Empty: nowhere.
}

func (s *metricsSettings) Register(fs *pflag.FlagSet) {
	declare(fs, &s.Addr, "metrics-addr", "", text(),
		"serve metrics for Prometheus at /metrics on this address, such as :9090; empty: nowhere")
}

// check reads the address, so that a wrong one is told before anything begins.
func (s *metricsSettings) check() error {
	if s.Addr == "" {
		return nil
	}
	if _, err := net.ResolveTCPAddr("tcp", s.Addr); err != nil {
		return fmt.Errorf("--metrics-addr: %q is no address: write it like :9090 or 127.0.0.1:9090", s.Addr)
	}
	return nil
}

// serve serves what registry brings until ctx ends.
func (s *metricsSettings) serve(ctx context.Context, log *slog.Logger, registry func() *prometheus.Registry) error {
	if s.Addr == "" {
		return nil
	}
	l, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("--metrics-addr: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry(), promhttp.HandlerOpts{}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Warn("metrics are no longer served (continuing)", "err", err)
		}
	}()
	log.Info("serving metrics", "url", "http://"+l.Addr().String()+"/metrics")
	return nil
}

// processRegistry are the metrics of the process.
func processRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// counter is a count that is kept elsewhere.
func counter(name, help string, labels prometheus.Labels, of *atomic.Int64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels},
		func() float64 { return float64(of.Load()) })
}

// workerRegistry are the worker's metrics, and those of the process. No label
// holds anything about a login.
func workerRegistry(w *consumer.Worker) *prometheus.Registry {
	r := processRegistry()
	outcomes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "nightshift_outcomes_total", Help: "Outcomes told by this worker.",
	}, []string{"type", "reason"})
	r.MustRegister(outcomes)
	w.OnOutcome = func(o event.Outcome) { outcomes.WithLabelValues(string(o.Type), string(o.Reason)).Inc() }
	for cause := range w.Pauses() {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nightshift_paused", Help: "1 while no jobs are pulled because of the cause.",
			ConstLabels: prometheus.Labels{"cause": cause},
		}, func() float64 {
			if w.Pauses()[cause] {
				return 1
			}
			return 0
		}))
	}
	for _, c := range []struct {
		name, help string
		of         *atomic.Int64
	}{
		{"nightshift_messages_pulled_total", "Messages taken from the stream of jobs, repeats included.", &w.Stats.Pulled},
		{"nightshift_messages_repeated_total", "Messages that turned out to be repeats.", &w.Stats.Repeated},
		{"nightshift_jobs_parked_total", "Jobs put down as scheduled messages.", &w.Stats.Parked},
		{"nightshift_dead_letters_total", "Messages that were no valid job.", &w.Stats.Dead},
		{"nightshift_flinks_calls_total", "Calls to Flinks.", &w.Stats.Calls},
		{"nightshift_flinks_live_calls_total", "Live Authorize calls to Flinks.", &w.Stats.Live},
	} {
		r.MustRegister(counter(c.name, c.help, nil, c.of))
	}
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "nightshift_jobs_in_hand", Help: "Jobs being worked on now."},
		func() float64 { return float64(w.Stats.InHand.Load()) }))
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "nightshift_institutions_paused", Help: "Institutions in maintenance, whose live refreshes wait.",
	}, func() float64 { return float64(w.PausedInstitutions()) }))
	return r
}
