//go:build !unix

package local

import (
	"os"
	"syscall"
)

// terminate ends a child; there is no gentler signal here.
var terminate = os.Kill

func childAttr() *syscall.SysProcAttr { return nil }
