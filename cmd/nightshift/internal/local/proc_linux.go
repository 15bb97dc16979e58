package local

import "syscall"

// terminate asks a child to end in good order.
const terminate = syscall.SIGTERM

// childAttr puts the child into its own process group, so that Ctrl-C on the
// terminal reaches us alone and the child stays until we have finished with
// it; and has the kernel end the child if this process is killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
