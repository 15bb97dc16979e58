package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// How long a server of ours may take to come up with a large file to replay,
// to stop, and to die after its parent was killed.
const (
	redisReady = time.Minute
	redisStop  = 10 * time.Second
	redisHeir  = 5 * time.Second
)

// maxSocket is the longest path of a Unix socket that every system takes; the
// shortest limit is 104 bytes, one of them for the end.
const maxSocket = 103

// child is a Redis server that runs beside this process and ends with it.
type child struct {
	cmd    *exec.Cmd
	lock   *Lock
	out    *childLog
	tmp    string // Directory of the socket.
	socket string
	done   chan struct{} // Closed when the process has ended and err is set.
	err    error
}

// startChild starts the server and waits until it answers.
func startChild(ctx context.Context, program, dir string, log *slog.Logger) (*child, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	lock, err := inherit(ctx, dir)
	if err != nil {
		return nil, err
	}
	c := &child{lock: lock, out: &childLog{log: log}, done: make(chan struct{})}
	if c.tmp, c.socket, err = socketDir(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	c.cmd = c.command(program, dir)
	started := make(chan error, 1)
	go c.run(started)
	if err := <-started; err != nil {
		<-c.done
		return nil, err
	}
	if err := c.ready(ctx); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// inherit locks the server's directory, and waits for it a little: the server
// of a killed process takes a moment to end, and two servers must not write
// the same files.
func inherit(ctx context.Context, dir string) (*Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, redisHeir)
	defer cancel()
	for {
		lock, err := LockDir(dir)
		if !errors.Is(err, ErrLocked) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// socketDir makes a private directory for the socket. It does not lie with the
// data, whose path may be too long or on a disk that holds no sockets.
func socketDir() (dir, socket string, err error) {
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		dir, err = os.MkdirTemp(parent, "nightshift-")
		if err != nil {
			return "", "", err
		}
		if socket = filepath.Join(dir, "redis.sock"); len(socket) <= maxSocket {
			return dir, socket, nil
		}
		os.Remove(dir)
	}
	return "", "", fmt.Errorf("the temporary directory's path is too long for a socket: %s", socket)
}

// command describes the server: no port, files flushed every second, and no
// key ever evicted, for a forgotten claim would be a second bank session.
func (c *child) command(program, dir string) *exec.Cmd {
	cmd := exec.Command(program,
		"--port", "0", "--unixsocket", c.socket, "--unixsocketperm", "700",
		"--dir", dir, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
		"--maxmemory-policy", "noeviction", "--daemonize", "no", "--logfile", "")
	cmd.Stdout, cmd.Stderr = c.out, c.out
	cmd.SysProcAttr = childAttr()
	// The server holds the lock too, so that its files stay locked until it
	// has ended even if this process is killed first.
	cmd.ExtraFiles = []*os.File{c.lock.file}
	return cmd
}

// run is the life of the server. It keeps its thread, because Linux ends the
// child with the thread that started it, not with the process.
func (c *child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.done)
	err := c.cmd.Start()
	started <- err
	if err == nil {
		c.err = c.cmd.Wait()
		c.out.flush()
	}
	os.RemoveAll(c.tmp)
	c.err = errors.Join(c.err, c.lock.Close())
}

// close asks the server to write its files and end, and makes it end if it
// does not listen.
func (c *child) close() error {
	c.out.down()
	if err := c.cmd.Process.Signal(terminate); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("local: stop redis: %w", err)
	}
	select {
	case <-c.done:
	case <-time.After(redisStop):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
	if c.err != nil {
		return fmt.Errorf("local: stop redis: %w", c.err)
	}
	return nil
}
