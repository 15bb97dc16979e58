package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"nightshift/cmd/internal/rig"
)

// cycle is the night of the drill.
const cycle = "2026-11-22"

// portions is how many parts the roster is published in, so that there is work
// as long as there are faults.
const portions = 20

// feed publishes the roster, a portion at a time over the span. A producer that
// dies is started again with the same portion: publication is idempotent.
func (d *drill) feed(ctx context.Context, span time.Duration) error {
	head, lines, err := d.readRoster()
	if err != nil {
		return err
	}
	env := d.environ(d.natsURL(), d.redis.addr, d.sandbox.addr)
	for i := range portions {
		if !sleep(ctx, time.Until(d.began.Add(span*time.Duration(i)/portions))) {
			return context.Cause(ctx)
		}
		file := filepath.Join(d.dir, fmt.Sprintf("logins-%02d.csv", i))
		part := lines[len(lines)*i/portions : len(lines)*(i+1)/portions]
		if err := os.WriteFile(file, []byte(head+strings.Join(part, "")), 0o600); err != nil {
			return err
		}
		if err := d.produce(ctx, env, file); err != nil {
			return err
		}
	}
	return nil
}

// produce publishes one portion, however often that takes.
func (d *drill) produce(ctx context.Context, env []string, file string) error {
	for range 10 {
		p, err := rig.Launch(filepath.Join(d.dir, "producer.log"), env, d.bin.nightshift, "produce", "--once", "--roster", file, "--cycle", cycle)
		if err != nil {
			return err
		}
		d.mu.Lock()
		d.producer = p
		d.mu.Unlock()
		select {
		case <-p.Done:
		case <-ctx.Done():
			p.Kill()
			return context.Cause(ctx)
		}
		if p.Err == nil {
			return nil
		}
	}
	return errors.New("ten producers have failed: see producer.log")
}

// killFeed kills the producer, if one is at work.
func (d *drill) killFeed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.producer != nil {
		d.producer.Signal(syscall.SIGKILL)
	}
}

func (d *drill) natsURL() string {
	var urls []string
	for _, s := range d.nats {
		urls = append(urls, "nats://"+s.addr)
	}
	return strings.Join(urls, ",")
}

func (d *drill) readRoster() (head string, lines []string, err error) {
	data, err := os.ReadFile(d.roster)
	if err != nil {
		return "", nil, err
	}
	s := bufio.NewScanner(bytes.NewReader(data))
	for s.Scan() {
		if head == "" {
			head = s.Text() + "\n"
			continue
		}
		lines = append(lines, s.Text()+"\n")
	}
	return head, lines, s.Err()
}
