package local_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"nightshift/cmd/nightshift/internal/local"
)

// A killed parent cannot stop its child: the kernel must. Until the child has
// ended it holds the directory, and then the next start finds everything.
func TestRedisChildEndsWithAKilledParent(t *testing.T) {
	needRedis(t)
	dir := t.TempDir()
	parent, socket := startParent(t, dir)
	defer os.RemoveAll(filepath.Dir(socket))
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	pid := fill(t, socket)

	// A child that stands still shows what happens while it still lives.
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if lock, err := local.LockDir(dir); !errors.Is(err, local.ErrLocked) {
		t.Errorf("the directory is free while the child lives: %v", err)
		if lock != nil {
			lock.Close()
		}
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}

	heir := startRedis(t, dir)
	defer closeRedis(t, heir)
	if got := get(t, heir); got != "kept" {
		t.Errorf("after the kill: got %q", got)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the child still lives: %v", err)
	}
}

// fill stores something with the server at the socket and returns its process
// id.
func fill(t *testing.T, socket string) int {
	t.Helper()
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
	defer client.Close()
	if err := client.Set(t.Context(), "key", "kept", 0).Err(); err != nil {
		t.Fatal(err)
	}
	info, err := client.InfoMap(t.Context(), "server").Result()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(info["Server"]["process_id"])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// startParent runs this test program as a parent and returns the socket of
// its child.
func startParent(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error") {
		t.Fatalf("parent: %q, %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}
