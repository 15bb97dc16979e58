//go:build unix

package flinks

import "syscall"

// awaitResponse returns once there may be something to read, or an error to be
// met by reading. A call waits without a buffer then, which counts with many
// thousands of them in flight. What a server said before its response to this
// request is none, so nothing lies in a buffer of TLS.
func (c *conn) awaitResponse() {
	if c.raw == nil {
		return
	}
	asked := false
	_ = c.raw.Read(func(fd uintptr) bool {
		if asked {
			return true
		}
		asked = true
		return !silent(fd)
	})
}

// silent reports whether a socket has neither bytes, nor an end, nor an error.
func silent(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
}

// alive reports whether the peer has neither hung up nor said anything since
// the last response. It asks the system alone: a request that is written to a
// connection whose peer is gone may be lost, and must not be sent again.
func (c *conn) alive() bool {
	if c.raw == nil {
		return true
	}
	var quiet bool
	err := c.raw.Read(func(fd uintptr) bool {
		quiet = silent(fd)
		return true
	})
	return err == nil && quiet
}
