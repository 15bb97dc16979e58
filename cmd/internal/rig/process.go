package rig

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Process is a program at work.
type Process struct {
	cmd  *exec.Cmd
	Done chan struct{} // closed when it has ended
	Err  error         // how it ended
	Peak atomic.Int64  // the most memory that it had, bytes
}

// Launch starts a program whose output is appended to a log file.
func Launch(log string, env []string, bin string, args ...string) (*Process, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := &Process{cmd: exec.Command(bin, args...), Done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(os.Environ(), env...), f, f
	dieWithParent(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(bin), err)
	}
	go func() {
		p.Err = p.cmd.Wait()
		close(p.Done)
	}()
	go p.watch()
	return p, nil
}

// Signal sends one; a process that has ended does not mind.
func (p *Process) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Kill ends it as kill -9 does, and returns when it has ended.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.Done
}

// Ended reports whether it has ended, after waiting for at most d.
func (p *Process) Ended(d time.Duration) bool {
	select {
	case <-p.Done: // it comes first, also when there is no time to wait
		return true
	default:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.Done:
		return true
	case <-t.C:
		return false
	}
}

// watch notes the peak of the memory, which the system tells only of a living
// process.
func (p *Process) watch() {
	for !p.Ended(500 * time.Millisecond) {
		if n := PeakMemory(p.cmd.Process.Pid); n > 0 {
			p.Peak.Store(n)
		}
	}
}

// PeakMemory is the largest resident set of a process so far, bytes; 0 where
// the system does not tell.
func PeakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if rest, ok := strings.CutPrefix(string(line), "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// CPUTime is the processor time that a process has used so far, its own and
// the system's for it; 0 where the system does not tell.
func CPUTime(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may hold blanks
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // the unit is a hundredth of a second
}
