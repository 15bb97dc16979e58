package main

import (
	"fmt"

	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"nightshift/cmd/internal/rig"
)

// proxies are the way from every replica to every server, each of its own, so
// that one replica can be cut off while the others work.
type proxies struct {
	server *toxiproxy.ApiServer
	all    []*link
}

// link is one replica's way to one server.
type link struct {
	proxy   *toxiproxy.Proxy
	replica int
	to      string // nats, redis or flinks
}

func newProxies() *proxies {
	return &proxies{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())}
}

// open begins a way to addr and returns the address of its near end.
func (p *proxies) open(replica int, to, addr string) (string, error) {
	near, err := rig.FreeAddr()
	if err != nil {
		return "", err
	}
	l := &link{toxiproxy.NewProxy(p.server, fmt.Sprintf("%s-%d-%d", to, replica, len(p.all)), near, addr), replica, to}
	if err := l.proxy.Start(); err != nil {
		return "", fmt.Errorf("proxy to %s: %w", to, err)
	}
	p.all = append(p.all, l)
	return near, nil
}

func (p *proxies) close() {
	for _, l := range p.all {
		l.proxy.Stop()
	}
}

// to are the ways to a server, of all replicas.
func (p *proxies) to(server string) (some []*link) {
	for _, l := range p.all {
		if l.to == server {
			some = append(some, l)
		}
	}
	return some
}

// of are all ways of a replica.
func (p *proxies) of(replica int) (some []*link) {
	for _, l := range p.all {
		if l.replica == replica {
			some = append(some, l)
		}
	}
	return some
}

// gone cuts the connections and refuses new ones; mend takes connections again.
func gone(links []*link) (mend func()) {
	for _, l := range links {
		l.proxy.Stop()
	}
	return func() {
		for _, l := range links {
			_ = l.proxy.Start() // it is the address that it had
		}
	}
}

// silent lets connections stay open and carry nothing in either direction;
// mend cuts what is left of them.
func silent(links []*link) (mend func()) {
	return poisoned(links, `{"type":"timeout","stream":%q,"attributes":{"timeout":0}}`)
}

// slow delays what the server says by up to a second and a half.
func slow(links []*link) (mend func()) {
	return poisoned(links, `{"type":"latency","stream":%q,"attributes":{"latency":800,"jitter":700}}`)
}

func poisoned(links []*link, toxic string) (mend func()) {
	for _, l := range links {
		for _, stream := range []string{"upstream", "downstream"} {
			_, _ = l.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(toxic, stream)))
		}
	}
	return func() {
		for _, l := range links {
			l.proxy.Stop() // first: taking a toxic off waits for its connections
			l.proxy.Toxics.ResetToxics(background)
			_ = l.proxy.Start()
		}
	}
}
