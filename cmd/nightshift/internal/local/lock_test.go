package local_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightshift/cmd/nightshift/internal/local"
)

func TestLockDir(t *testing.T) {
	t.Run("makes the directory, for this user alone", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a", "b")
		lock := lockDir(t, dir)
		defer lock.Close()
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Fatalf("directory: %v, %v", info.Mode(), err)
		}
	})

	t.Run("a second one is refused and told who has it", func(t *testing.T) {
		dir := t.TempDir()
		lock := lockDir(t, dir)
		defer lock.Close()
		_, err := local.LockDir(dir)
		want := fmt.Sprintf("local: the data directory %s is in use by another process (pid %d): "+
			"stop it, or choose another directory", dir, os.Getpid())
		if !errors.Is(err, local.ErrLocked) || err.Error() != want {
			t.Fatalf("got %v\nwant %s", err, want)
		}
	})

	t.Run("is free again after Close", func(t *testing.T) {
		dir := t.TempDir()
		if err := lockDir(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
		lockDir(t, dir).Close()
	})

	t.Run("a file in its place is an error that is no lock", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := local.LockDir(file)
		if err == nil || errors.Is(err, local.ErrLocked) || !strings.Contains(err.Error(), file) {
			t.Fatalf("got %v", err)
		}
	})
}

func lockDir(t *testing.T, dir string) *local.Lock {
	t.Helper()
	lock, err := local.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return lock
}
