package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"nightshift/cmd/internal/rig"
)

// server is a program on an address of loopback that can be killed and started
// again there.
type server struct {
	name, addr string
	dir        string // of its files
	launch     func() (*rig.Process, error)

	mu sync.Mutex
	*rig.Process
}

// start starts it, for the first time or again.
func (s *server) start() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Process, err = s.launch()
	return err
}

// strike ends it as kill -9 does.
func (s *server) strike() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Kill()
}

// startNATS starts one server, or a cluster of three.
func (d *drill) startNATS(nodes int) error {
	var routes []string
	type ports struct{ client, cluster string }
	all := make([]ports, nodes)
	for i := range all {
		var err error
		if all[i].client, err = rig.FreeAddr(); err != nil {
			return err
		}
		if all[i].cluster, err = rig.FreeAddr(); err != nil {
			return err
		}
		routes = append(routes, "nats://"+all[i].cluster)
	}
	for i, p := range all {
		name := fmt.Sprintf("nats-%d", i+1)
		s := &server{name: name, addr: p.client, dir: filepath.Join(d.dir, name)}
		config := fmt.Sprintf("server_name: %q\nlisten: %q\njetstream { store_dir: %q }\n", name, p.client, s.dir)
		if nodes > 1 {
			config += fmt.Sprintf("cluster { name: drill, listen: %q, no_advertise: true, routes: [%s] }\n", p.cluster, strings.Join(routes, ", "))
		}
		file := s.dir + ".conf"
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			return err
		}
		s.launch = func() (*rig.Process, error) { return rig.Launch(s.dir+".log", nil, d.bin.nats, "-c", file) }
		if err := s.start(); err != nil {
			return err
		}
		d.nats = append(d.nats, s)
	}
	return d.connect()
}

// connect opens the drill's own connection, which no fault but a dead server
// befalls.
func (d *drill) connect() (err error) {
	var urls []string
	for _, s := range d.nats {
		urls = append(urls, "nats://"+s.addr)
	}
	d.nc, err = nats.Connect(strings.Join(urls, ","), nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		return fmt.Errorf("connect to nats: %w", err)
	}
	d.js, err = jetstream.New(d.nc)
	return err
}

// startRedis starts one that writes its file at every event of its loop.
func (d *drill) startRedis() error {
	addr, err := rig.FreeAddr()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	s := &server{name: "redis", addr: addr, dir: filepath.Join(d.dir, "redis")}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	s.launch = func() (*rig.Process, error) {
		return rig.Launch(s.dir+".log", nil, d.bin.redis, "--bind", "127.0.0.1", "--port", port, "--dir", s.dir, "--appendonly", "yes", "--save", "")
	}
	d.redis = s
	if err := s.start(); err != nil {
		return err
	}
	return d.await("redis", func(ctx context.Context) error {
		c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
		defer c.Close()
		return c.Ping(ctx).Err()
	})
}

// flush makes Redis forget everything.
func (d *drill) flush() error {
	c := redis.NewClient(&redis.Options{Addr: d.redis.addr})
	defer c.Close()
	return c.FlushAll(background).Err()
}

// startSandbox serves the simulated Flinks with the drill's population.
func (d *drill) startSandbox() error {
	addr, err := rig.FreeAddr()
	if err != nil {
		return err
	}
	d.roster = filepath.Join(d.dir, "logins.csv")
	s := &server{name: "sandbox", addr: addr, dir: d.dir}
	s.launch = func() (*rig.Process, error) {
		return rig.Launch(filepath.Join(d.dir, "sandbox.log"), nil, d.bin.nightshift, "sandbox", "--addr", addr,
			"--logins", fmt.Sprint(d.Logins), "--seed", fmt.Sprint(d.Seed), "--roster", d.roster,
			"--latency", "cached=5ms,live=300ms,detail=10ms")
	}
	d.sandbox = s
	if err := s.start(); err != nil {
		return err
	}
	return d.await("sandbox", func(ctx context.Context) error {
		if s.Ended(0) {
			return errors.New("it ended: see its log")
		}
		if _, err := os.Stat(d.roster); err != nil {
			return err
		}
		return d.get(ctx, "health", new(any))
	})
}

// await repeats op until it goes well, for a minute at most.
func (d *drill) await(what string, op func(context.Context) error) error {
	limit := time.Now().Add(time.Minute)
	for {
		ctx, cancel := context.WithTimeout(background, 5*time.Second)
		err := op(ctx)
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(limit) {
			return fmt.Errorf("%s does not come up: %w", what, err)
		}
		time.Sleep(100 * time.Millisecond) // the pace of the questions, nothing depends on it
	}
}

// stopAll ends every process of the drill.
func (d *drill) stopAll() {
	for _, r := range d.replicas {
		r.halt()
	}
	for _, s := range append(d.nats, d.redis, d.sandbox) {
		if s != nil && s.Process != nil {
			s.Signal(syscall.SIGCONT)
			s.Kill()
		}
	}
	if d.nc != nil {
		d.nc.Close()
	}
	d.proxies.close()
}
