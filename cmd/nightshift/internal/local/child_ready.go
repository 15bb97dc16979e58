package local

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"time"
)

// ready returns when the server answers.
func (c *child) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redisReady)
	defer cancel()
	for !answers(ctx, c.socket) {
		select {
		case <-c.done:
			return fmt.Errorf("%s ended at once (%w): %s", c.cmd.Path, c.err, c.out.last())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", c.cmd.Path, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// answers tells whether the server at the socket takes commands: not while it
// still reads its files.
func answers(ctx context.Context, socket string) bool {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	reply, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && reply == "+PONG\r\n"
}
