package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"nightshift/cmd/internal/rig"
	"nightshift/producer/event"
)

// night is a point of the growth curve.
type night struct {
	Jobs      int     `json:"jobs"`
	Rate      float64 `json:"jobsPerSecond"`
	CPU       float64 `json:"microsecondsPerJob"`
	Peak      int64   `json:"peakBytes"`
	RedisJob  float64 `json:"redisBytesPerJob"`
	StreamJob float64 `json:"jetStreamBytesPerJob"`
	NATSPeak  int64   `json:"natsPeakBytes"`
}

// growth measures nights of growing size, of other logins each.
func (b *bench) growth() error {
	b.stop() // each night has servers of its own
	for _, n := range b.Sizes {
		if err := b.with(func(b *bench) error { return b.grow(n) }); err != nil {
			return err
		}
	}
	var rates, cpu, redis, stream samples
	for _, g := range b.Growth {
		rates, cpu, redis, stream = append(rates, g.Rate), append(cpu, g.CPU), append(redis, g.RedisJob), append(stream, g.StreamJob)
	}
	of := fmt.Sprintf(", nights of %s to %s jobs", number(float64(b.Sizes[0])), number(float64(b.Sizes[len(b.Sizes)-1])))
	b.add(figure{Name: "consume" + of, Unit: "jobs/s", Samples: rates, Target: "within 10 %"})
	b.add(figure{Name: "processor time" + of, Unit: "µs/job", Samples: cpu, Target: "constant"})
	b.add(figure{Name: "Redis" + of, Unit: "B/login", Samples: redis})
	b.add(figure{Name: "job stream" + of, Unit: "B/job", Samples: stream})
	if first, last := b.Growth[0], b.Growth[len(b.Growth)-1]; last.Jobs > first.Jobs {
		per := float64(last.NATSPeak-first.NATSPeak) / float64(last.Jobs-first.Jobs)
		b.add(figure{Name: "nats-server's memory, duplicate windows and subjects," + of[1:], Unit: "B/job", Samples: samples{per}})
	}
	return nil
}

func (b *bench) grow(n int) error {
	if err := b.longRemembered(); err != nil {
		return err
	}
	before, err := b.redisMemory()
	if err != nil {
		return err
	}
	if err := b.enqueue(n); err != nil {
		return err
	}
	s, err := b.js.Stream(context.Background(), event.StreamJobs)
	if err != nil {
		return err
	}
	stored := s.CachedInfo().State.Bytes
	w, err := b.work(n, "--concurrency", fmt.Sprint(workers), "--accounts", "none")
	if err != nil {
		return err
	}
	after, err := b.redisMemory()
	b.Growth = append(b.Growth, night{
		Jobs: n, Rate: w.rate, CPU: w.cpu, Peak: w.peak, NATSPeak: rig.PeakMemory(b.nats.PID()),
		RedisJob: (after - before) / float64(n), StreamJob: float64(stored) / float64(n),
	})
	return err
}

// redisMemory is what Redis' data takes, bytes.
func (b *bench) redisMemory() (float64, error) {
	info, err := b.rdb.Info(context.Background(), "memory").Result()
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(info, "used_memory:")
	digits, _, _ := strings.Cut(rest, "\r\n")
	return strconv.ParseFloat(digits, 64)
}

// curve draws jobs per second over the size of the night.
func curve(nights []night) []byte {
	const width, height, left, bottom = 640, 300, 70, 40
	top, most := 0.0, 0
	for _, g := range nights {
		top, most = max(top, 1.25*g.Rate), max(most, g.Jobs)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<path d="M%d 10V%dH%d" fill="none" stroke="gray"/>`+"\n", left, height-bottom, width-10)
	var line strings.Builder
	for i, g := range nights {
		x := left + float64(width-left-40)*float64(i+1)/float64(len(nights))
		y := float64(height-bottom) - float64(height-bottom-10)*g.Rate/top
		fmt.Fprintf(&line, "%.1f,%.1f ", x, y)
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="steelblue"/>`+"\n", x, y)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s/s</text>`+"\n", x, y-10, number(g.Rate))
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s jobs</text>`+"\n", x, height-bottom+18, number(float64(g.Jobs)))
	}
	fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="steelblue" stroke-width="2"/>`+"\n", strings.TrimSpace(line.String()))
	b.WriteString("</svg>\n")
	return b.Bytes()
}
