package rig

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes sure that nothing is left running, however the drill
// ends.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
