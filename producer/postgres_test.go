//go:build unix

package producer_test

import (
	"cmp"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// postgresPassword holds signs that an address must escape.
const postgresPassword = "p@ss/w0rd?#%"

// postgres starts a PostgreSQL of the test's own, and returns the address of
// its database.
func postgres(t *testing.T) (address string) {
	t.Helper()
	bin := postgresPrograms(t)
	owner := postgresOwner(t)
	dir, err := os.MkdirTemp("", "nightshift-postgres-") // Not t.TempDir, which no other user may enter.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(postgresPassword), 0o600); err != nil {
		t.Fatal(err)
	}
	if owner != nil {
		for _, path := range []string{dir, secret} {
			if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: owner}
		return cmd
	}
	data := filepath.Join(dir, "data")
	if out, err := run("initdb", "-D", data, "-U", "nightshift", "-A", "scram-sha-256", "--pwfile", secret,
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	port := freePort(t)
	server := run("postgres", "-D", data, "-p", strconv.Itoa(port), "-k", dir, "-h", "127.0.0.1",
		"-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=10")
	startPostgres(t, server)
	address = fmt.Sprintf("postgres://nightshift:p%%40ss%%2Fw0rd%%3F%%23%%25@127.0.0.1:%d/postgres", port)
	awaitPostgres(t, address)
	return address
}

// postgresPrograms finds the directory of the server's programs, of the newest
// version: Debian and brew keep them out of the path.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	var found []string
	for _, places := range []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin"} {
		programs, _ := filepath.Glob(filepath.Join(places, "initdb"))
		found = append(found, programs...)
	}
	if len(found) == 0 {
		t.Fatal("PostgreSQL is not installed; `task postgres` installs it")
	}
	byLength := func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) } // 9 before 17
	return filepath.Dir(slices.MaxFunc(found, byLength))
}

// postgresOwner is the user whom the server runs as, which must not be root;
// nil: whoever runs the test.
func postgresOwner(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("PostgreSQL does not run as root, and the user whom its package makes is missing: %v; `task postgres` installs it", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		t.Fatalf("user postgres has uid %s, gid %s", u.Uid, u.Gid)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func startPostgres(t *testing.T, server *exec.Cmd) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGQUIT) // At once; nothing is to be kept.
		_ = server.Wait()
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("PostgreSQL says:\n%s", text)
		}
	})
}

func awaitPostgres(t *testing.T, address string) {
	t.Helper()
	db := openPostgres(t, address)
	limit := time.Now().Add(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		err := db.PingContext(t.Context())
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("PostgreSQL does not come up: %v", err)
		}
	}
}

// openPostgres connects as the tests' own hand, which may write.
func openPostgres(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
