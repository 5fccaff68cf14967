package main

import (
	"fmt"
	"runtime"
)

type versionCmd struct{}

// Run prints one line: name, version, Go's version and the platform.
func (versionCmd) Run(w *world) error {
	_, err := fmt.Fprintf(w.stdout, "formrelay %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
