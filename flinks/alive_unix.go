//go:build unix

package flinks

import "syscall"

// alive reports whether the peer has neither hung up nor said anything since
// the last response. It asks the system alone: a request that is written to a
// connection whose peer is gone may be lost, and must not be sent again.
func (c *conn) alive() bool {
	if c.raw == nil {
		return true
	}
	var quiet bool
	err := c.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	})
	return err == nil && quiet
}
