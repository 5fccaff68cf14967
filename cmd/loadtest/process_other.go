//go:build unix && !linux

package main

import "syscall"

// ownGroup puts a process into a group of its own, so that Ctrl-C reaches only this program, which then ends it.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
