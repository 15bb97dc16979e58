package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Lock keeps a data directory to one process. It is released by Close and,
// whatever happens, by the end of the process.
type Lock struct {
	file *os.File
}

// ErrLocked tells that another process holds the directory.
var ErrLocked = errors.New("in use by another process")

// LockDir creates the directory if need be and takes it for this process. The
// error wraps [ErrLocked] and names the holder's process id if somebody else
// has it.
func LockDir(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("local: lock %s: %w", dir, err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("local: lock %s: %w", dir, err)
	}
	if err := tryLock(file); err != nil {
		defer file.Close()
		if errors.Is(err, ErrLocked) {
			return nil, fmt.Errorf("local: the data directory %s is %w%s: stop it, or choose another directory",
				dir, ErrLocked, holder(file))
		}
		return nil, fmt.Errorf("local: lock %s: %w", dir, err)
	}
	if err := writePID(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("local: lock %s: %w", dir, err)
	}
	return &Lock{file: file}, nil
}

// Close gives the directory back. The file stays: to remove it would let a
// third process lock a file that nobody else can see.
func (l *Lock) Close() error { return l.file.Close() }

// holder says who has the lock, as far as the file tells.
func holder(file *os.File) string {
	text := make([]byte, 32)
	n, _ := file.ReadAt(text, 0)
	if pid := strings.TrimSpace(string(text[:n])); pid != "" {
		return " (pid " + pid + ")"
	}
	return ""
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}
