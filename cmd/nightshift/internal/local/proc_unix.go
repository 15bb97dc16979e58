//go:build unix && !linux

package local

import "syscall"

// terminate asks a child to end in good order.
const terminate = syscall.SIGTERM

// childAttr puts the child into its own process group, so that Ctrl-C on the
// terminal reaches us alone and the child stays until we have finished with
// it. Only Linux can also end the child with a killed parent; elsewhere it
// keeps the lock of its directory until it is stopped by hand.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
