//go:build !linux

package store

import (
	"syscall"
	"time"
)

// giveUpAfter does nothing where the kernel has no such setting: keep-alive probes and the deadlines of transactions bound the wait.
func giveUpAfter(time.Duration) func(network, address string, c syscall.RawConn) error { return nil }
