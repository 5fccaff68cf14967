package store

import (
	"strings"
	"syscall"
	"time"
)

// giveUpAfter makes the kernel end a connection on which nothing that was sent has been acknowledged for d. Keep-alive probes do not
// cover that case, and without it a server whose machine vanished would be waited for for a quarter of an hour.
func giveUpAfter(d time.Duration) func(network, address string, c syscall.RawConn) error {
	const tcpUserTimeout = 18 // TCP_USER_TIMEOUT of <linux/tcp.h>
	return func(network, _ string, c syscall.RawConn) error {
		if !strings.HasPrefix(network, "tcp") {
			return nil
		}
		var failed error
		if err := c.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(d.Milliseconds()))
		}); err != nil {
			return err
		}
		return failed
	}
}
